"""Where vendors publish the power of their transceivers: columns, units and indexes.

Sources: the vendors' MIBs, named with each table, and where a MIB is silent about units what the devices really send.
OIDs are written below iso.org.dod.internet.private.enterprises. As of November 2026.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from haidang_agent.snmp import optics_units as units

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from haidang_agent.snmp.optics_units import Unit
    from haidang_agent.snmp.session import Value

ENTERPRISES = "1.3.6.1.4.1."


@dataclass(frozen=True, slots=True)
class Table:
    """One table of one vendor.

    `products`: beginnings of the sysObjectIDs that may have it. Columns are OIDs below `entry`; in `6.*.5` the star
    is the index and 5 selects the parameter. `{product}` in `entry` is the sysObjectID, or a beginning of it.

    `index`: `interface` begins with ifIndex, `lane` is ifIndex.lane, `last` ends with ifIndex, `onu` is ifIndex of the
    port and number on it, `entity` is entPhysicalIndex; `own` is the vendor's numbering, and becomes the `label`.
    `remote`: the far ends (ONUs) of this device's ports. `choose` finds the unit where models differ in it.
    """

    mib: str
    products: tuple[str, ...]
    entry: str
    unit: Unit
    index: Literal["interface", "lane", "last", "entity", "onu", "own"] = "interface"
    rx: str = ""
    tx: str = ""
    temperature: str = ""
    temperature_divisor: int = 1
    rx_low: str = ""
    rx_low_unit: Unit | None = None
    lost: str = ""
    name: str = ""
    label: str = ""
    remote: bool = False
    choose: Callable[[Iterable[Value]], Unit] | None = None


THOUSANDTHS, HUNDREDTHS, TENTHS = units.parts(1000), units.parts(100), units.parts(10)


def _comware(products: tuple[str, ...], root: str) -> tuple[Table, Table]:
    return (
        Table(
            "HH3C-TRANSCEIVER-INFO-MIB hh3cTransceiverInfoTable", products, f"{root}.2.70.1.1.1", HUNDREDTHS,
            rx="12", tx="9", temperature="15", rx_low="35", rx_low_unit=units.tenths_of_microwatt,
        ),
        Table(
            "HH3C-TRANSCEIVER-INFO-MIB hh3cTransceiverChannelTable", products, f"{root}.2.70.1.2.1", HUNDREDTHS,
            index="lane", rx="3", tx="2",
        ),
    )  # fmt: skip


ROUTERS_AND_SWITCHES = (
    Table(
        "MIKROTIK-MIB mtxrOpticalTable", ("14988",), "14988.1.1.19.1.1", THOUSANDTHS,
        rx="10", tx="9", temperature="6", lost="3", name="2",
    ),
    Table(
        "HUAWEI-ENTITY-EXTENT-MIB hwOpticalModuleInfoTable", ("2011",), "2011.5.25.31.1.1.3.1", HUNDREDTHS,
        index="entity", rx="8", tx="9", temperature="5", rx_low="13",
        choose=units.signed(HUNDREDTHS, units.microwatts),
    ),
    Table(
        "JUNIPER-DOM-MIB jnxDomCurrentTable", ("2636",), "2636.3.60.1.1.1.1", HUNDREDTHS,
        rx="5", tx="7", temperature="8", rx_low="10",
    ),
    Table(
        "JUNIPER-DOM-MIB jnxDomCurrentLaneTable", ("2636",), "2636.3.60.1.2.1.1", HUNDREDTHS,
        index="lane", rx="6", tx="8",
    ),
    *_comware(("25506",), "25506"),
    *_comware(("43",), "43.45.1.10"),
    *_comware(("2011.10",), "2011.10"),
    Table(
        "HP-ICF-TRANSCEIVER-MIB hpicfXcvrInfoTable", ("11.2.3.7",), "11.2.14.11.5.1.82.1.1.1.1", THOUSANDTHS,
        rx="15", tx="14", temperature="11", temperature_divisor=1000, name="2",
        rx_low="35", rx_low_unit=units.tenths_of_microwatt,
    ),
    Table(
        "ARUBAWIRED-PM-MIB arubaWiredPmXcvrDomTable", ("47196",), "47196.4.1.1.3.27.1.2", units.text_milliwatts,
        index="lane", rx="2.1.12", tx="2.1.7", temperature="1.1.2", rx_low="1.1.29",
    ),
    Table(
        "DLINKSW-DDM-MIB dDdmIfInfoTable", ("171",), "171.14.72.1.4.1.1", units.tenths_of_microwatt,
        rx="25", tx="19", temperature="1", temperature_divisor=1000, rx_low="30",
    ),
    Table(
        "DDM-MGMT-MIB swDdmStatusTable", ("171",), "171.12.72.2.1.1.1", units.text_dbm,
        rx="6", tx="5", temperature="2", choose=units.signed(units.text_dbm, units.text_milliwatts),
    ),
    Table(
        "DGS-1210 ddmStatusTable", ("171.10.76",), "{product}.1.105.2.1.1.1", units.text_dbm,
        rx="6", tx="5", temperature="2", choose=units.signed(units.text_dbm, units.text_milliwatts),
    ),
    Table(
        "TPLINK-DDMSTATUS-MIB ddmStatusTable", ("11863",), "11863.6.96.1", units.text_dbm,
        rx="7.1.1.6", tx="7.1.1.5", temperature="7.1.1.2", rx_low="2.1.1.3",
        choose=units.signed(units.text_dbm, units.text_milliwatts),
    ),
    Table(
        "ECS MIBs portOpticalMonitoringInfoTable", ("259",), "{product}.1.2.11.1", units.text_dbm,
        rx="6", tx="5", temperature="2",
    ),
    *(
        Table(
            "NAG-MIB ddmDiagnosisTable", (enterprise,), f"{enterprise}.{tree}100.30.1.1", units.text_dbm,
            rx="17", tx="22", temperature="2", rx_low="19",
        )
        for enterprise, tree in (("40418", "7."), ("6339", ""), ("27514", ""))
    ),
    Table(
        "RUIJIE-FIBER-MIB ruijieFiberTable", ("4881",), "4881.1.1.10.2.105.1.1.1", HUNDREDTHS,
        rx="76", tx="81",
    ),
    Table(
        "ZYXEL-TRANSCEIVER-MIB zyxelTransceiverDdmiTable", ("890",), "890.1.15.3.84.1.2.1", HUNDREDTHS,
        rx="6.*.5", tx="6.*.4", temperature="6.*.1", temperature_divisor=100,
    ),
    *(
        Table(
            "RADLAN-PHY-MIB rlPhyTestGetResult", products, f"{tree}.90.1.2.1", THOUSANDTHS,
            rx="3.*.9", tx="3.*.8", temperature="3.*.5",
        )
        for products, tree in ((("9.6.1",), "9.6.1.101"), (("89", "35265", "890", "674", "171", "4526"), "89"))
    ),
    Table(
        "RAISECOM-OPTICAL-TRANSCEIVER-MIB DDMTable", ("8886",), "8886.1.18.2.2.1.1", THOUSANDTHS,
        rx="2.*.4", tx="2.*.3", temperature="2.*.1", temperature_divisor=1000,
    ),
    Table(
        "AT-PLUGGABLE-DIAGNOSTICS-MIB", ("207",), "207.8.4.4.3.28.1", units.tenths_of_microwatt,
        rx="5.1.3", tx="4.1.3", temperature="1.1.3", temperature_divisor=1000,
    ),
    Table(
        "FOUNDRY-SN-SWITCH-GROUP-MIB snIfOpticalMonitoringInfoTable", ("1991",), "1991.1.1.3.3.6.1", units.text_dbm,
        rx="3", tx="2", temperature="1",
    ),
    Table(
        "TIMETRA-PORT-MIB tmnxDigitalDiagMonitorTable", ("6527",), "6527.3.1.2.2.4.31.1", units.tenths_of_microwatt,
        index="last", rx="21", tx="16",
    ),
)  # fmt: skip

PON = (
    Table(
        "HUAWEI-XPON-MIB hwGponOltOpticsDdmInfoTable", ("2011",), "2011.6.128.1.1.2.23.1", HUNDREDTHS,
        rx="5", tx="4", temperature="1",
    ),
    Table(
        "HUAWEI-XPON-MIB hwGponOntOpticalDdmInfoTable", ("2011",), "2011.6.128.1.1.2.51.1", HUNDREDTHS,
        index="onu", rx="4", tx="3", temperature="1", remote=True,
    ),
    Table(
        "UI-OLT-MIB ubntOnuTable", ("41112",), "41112.1.5.6.2.1", HUNDREDTHS,
        index="own", rx="9", tx="8", name="2", label="ONU {index}", remote=True,
    ),
    Table(
        "NMS-IF-MIB ifSfpParameterTable", ("3320",), "3320.9.63.1.7.1", HUNDREDTHS,
        rx="3", tx="2", temperature="4", temperature_divisor=256,
    ),
    Table(
        "NMS-EPON-ONU onuOpticalTransceiverTable", ("3320",), "3320.101.10.5.1", TENTHS,
        index="onu", rx="5", tx="6", remote=True,
    ),
    Table(
        "NMS-GPON-MIB gponOnuOpticalPowerTable", ("3320",), "3320.10.3.4.1", TENTHS,
        index="onu", rx="2", tx="3", remote=True,
    ),
    Table(
        "NSCRTV-FTTX-EPON-MIB ponPortOpticalTable", ("17409", "34592"), "17409.2.3.3.5.1", HUNDREDTHS,
        index="own", tx="6", label="PON {index}",
    ),
    Table(
        "NSCRTV-FTTX-GPON-MIB onuPonOpticalTable", ("17409", "34592"), "17409.2.8.4.4.1", HUNDREDTHS,
        index="own", rx="4", tx="5", label="ONU {index}", remote=True,
    ),
    Table(
        "ZTE-AN-GPON-REMOTE-ONU-MIB", ("3902",), "3902.1082.500.20.2.2.2.1", units.zte_onu,
        index="onu", rx="10", tx="14", remote=True,
    ),
    Table(
        "ZXGPON-SERVICE-MIB", ("3902",), "3902.1012.3.50.12.1.1", units.zte_onu,
        index="onu", rx="10", tx="14", remote=True,
    ),
    Table(
        "GEPON-OLT-COMMON-MIB onuPortTable", ("5875",), "5875.800.3.9.3.3.1", HUNDREDTHS,
        index="own", rx="6", tx="7", label="ONU {index}", remote=True,
    ),
    Table(
        "GEPON-OLT-COMMON-MIB oltPonOpticalTable", ("5875",), "5875.800.3.9.3.4.1", HUNDREDTHS,
        index="own", tx="8", label="PON {index}",
    ),
    Table(
        "V1600D ponTransceiverTable", ("37950",), "37950.1.1.5.10.13.1.1", units.text_dbm,
        index="own", tx="5", temperature="2", label="PON {index}",
    ),
    Table(
        "V1600GSwitch upLinkOpticalTransceiverTable", ("37950",), "37950.1.1.5.10.13.7.1", units.text_dbm,
        index="own", rx="6", tx="5", temperature="2", label="GE {index}",
    ),
    Table(
        "V1600G gOnuOpticalInfoTable", ("37950",), "37950.1.1.6.1.1.3.1", units.text_dbm,
        index="own", rx="7", tx="6", temperature="3", label="ONU {index}", remote=True,
    ),
)  # fmt: skip

TABLES = (*ROUTERS_AND_SWITCHES, *PON)
