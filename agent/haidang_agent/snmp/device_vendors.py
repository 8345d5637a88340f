"""Who is behind an enterprise number, and what they make.

Numbers: IANA's registry of private enterprise numbers (as of August 2024), of those who make what stands in schools and
at their ISPs. 10002, 50001 and 1004849 are registered to others or to nobody: that is where Ubiquiti, Hikvision and
Dahua devices answer all the same. Makers of SNMP agents and chips that many vendors build on (net-snmp 8072, bsnmpd
12325, Broadcom 4413, Realtek 27282) are left out: their number says nothing of who made the device.
"""

from __future__ import annotations

VENDORS: dict[int, str] = {
    2: "IBM", 9: "Cisco", 11: "HP", 36: "DEC", 42: "Sun", 43: "3Com", 45: "Avaya", 63: "Apple", 89: "Radlan",
    94: "Nokia", 111: "Oracle", 119: "NEC", 122: "Sony", 161: "Motorola", 171: "D-Link", 193: "Ericsson", 202: "SMC",
    207: "Allied Telesis", 211: "Fujitsu", 232: "HP", 236: "Samsung", 244: "Lantronix", 248: "Hirschmann",
    253: "Xerox", 258: "Panasonic", 259: "Edgecore", 278: "APRESIA", 279: "Olivetti", 297: "Fuji Xerox",
    311: "Microsoft", 318: "APC", 343: "Intel", 367: "Ricoh", 368: "Axis", 388: "Symbol", 476: "Vertiv", 534: "Eaton",
    637: "Nokia", 641: "Lexmark", 664: "Adtran", 674: "Dell", 705: "MGE UPS", 789: "NetApp", 850: "Tripp Lite",
    872: "AVM", 890: "Zyxel", 935: "Phoenixtec", 1129: "Toshiba", 1139: "EMC", 1248: "Epson", 1347: "Kyocera",
    1356: "Generex", 1588: "Brocade", 1602: "Canon", 1916: "Extreme", 1991: "Brocade", 2001: "OKI", 2011: "Huawei",
    2254: "Delta", 2272: "Avaya", 2356: "LANCOM", 2385: "Sharp", 2435: "Brother", 2604: "Sophos", 2606: "Rittal",
    2620: "Check Point", 2636: "Juniper", 3097: "WatchGuard", 3212: "Crestron", 3224: "Juniper", 3320: "BDCOM",
    3375: "F5", 3709: "Datacom", 3797: "BenQ", 3808: "CyberPower", 3902: "ZTE", 3941: "Santak", 3955: "Linksys",
    3967: "Bosch", 4526: "Netgear", 4555: "Socomec", 4881: "Ruijie", 5003: "AudioCodes",
    5127: "Western Digital", 5227: "Buffalo", 5491: "Riello", 5504: "Zhone", 5528: "NetBotz", 5624: "Enterasys",
    5651: "Maipu", 5875: "FiberHome", 6027: "Dell", 6141: "Ciena", 6296: "DASAN", 6302: "Vertiv", 6321: "Calix",
    6339: "DCN", 6486: "Alcatel-Lucent Enterprise", 6527: "Nokia", 6574: "Synology", 6876: "VMware", 6889: "Avaya",
    7293: "Powercom", 7367: "DrayTek", 7483: "Nokia", 7526: "Snom", 8691: "Moxa", 8741: "SonicWall", 8744: "HP",
    8886: "Raisecom", 10002: "Ubiquiti", 10297: "Advantech", 10418: "Avocent", 10456: "Planet", 10642: "Zebra",
    10876: "Supermicro", 11256: "Stormshield", 11863: "TP-Link", 12356: "Fortinet", 12612: "Barco",
    12740: "EqualLogic", 13742: "Raritan", 13885: "Polycom", 14125: "EnGenius", 14179: "Cisco", 14331: "Topsec",
    14823: "Aruba", 14988: "MikroTik", 16332: "Longshine", 17409: "C-Data", 17713: "Cambium", 18026: "Extron",
    18334: "Konica Minolta", 19046: "Lenovo", 20632: "Barracuda", 20992: "Cradlepoint", 21013: "Xirrus",
    21067: "Sophos", 21239: "Vertiv", 21701: "Mobotix", 21839: "ALAXALA", 23465: "Vivotek", 23695: "Peplink",
    24681: "QNAP", 24807: "Riso", 25053: "Ruckus", 25066: "Pelco", 25461: "Palo Alto Networks", 25506: "H3C",
    25766: "Christie", 26138: "Intelbras", 26272: "Salicru", 26543: "IBM", 26928: "Aerohive", 27278: "Sindoh",
    27514: "QTECH", 27662: "Peplink", 28866: "TRENDnet", 29671: "Meraki", 30065: "Arista", 32761: "LigoWave",
    33049: "Mellanox", 34592: "C-Data", 35265: "Eltex", 36849: "Hanwha", 37447: "Nimble", 37459: "Yealink",
    37950: "V-SOL", 39165: "Hikvision", 40093: "Pantum", 40310: "Cumulus", 40418: "SNR", 41112: "Ubiquiti",
    41263: "Nutanix", 42397: "Grandstream", 43356: "Mimosa", 44641: "VyOS", 44738: "ASUSTOR", 47196: "Aruba",
    48690: "Teltonika", 50001: "Hikvision", 50224: "HSGQ", 50536: "iXsystems", 52642: "FS", 55062: "QNAP",
    246: "Furukawa", 272: "bintec", 332: "Digi", 1332: "Iskratel", 1369: "Stonesoft", 1768: "Patton", 2509: "Aviat",
    3893: "Parks", 4458: "Radwin", 5089: "Clavister", 7262: "DragonWave", 7571: "SAF Tehnika", 9789: "Sophos",
    10428: "Furukawa", 10704: "Barracuda", 13464: "GCOM", 15983: "Meru", 16177: "Westermo", 20542: "Sierra Wireless",
    31496: "NetModule", 31926: "Siklu", 40482: "Pure Storage", 1004849: "Dahua",
}  # fmt: skip

RELABELLED: frozenset[int] = frozenset({11, 43, 89, 259, 1991, 25506})
"""Suppliers whose products also bear other names (HP, Ruckus, Dell): what the device says of itself comes first."""

USUAL: dict[int, tuple[str, str]] = {
    **dict.fromkeys(
        (641, 1129, 1347, 1602, 2001, 2385, 2435, 253, 297, 367, 18334, 24807, 27278, 40093), ("printer", ""),
    ),
    10642: ("printer", "label printer"),
    **dict.fromkeys((368, 3967, 21701, 23465, 25066, 36849, 39165, 50001, 1004849), ("camera", "")),
    **dict.fromkeys((476, 534, 705, 850, 935, 3808, 3941, 4555, 5491, 7293, 26272, 1356, 2254), ("ups", "")),
    **dict.fromkeys((5504, 5875, 6296, 6321, 17409, 34592, 37950, 50224, 1332, 3893, 10428), ("ont", "olt")),
    **dict.fromkeys((7367, 2356, 872, 3955, 14988, 44641, 48690, 6527, 193, 272, 332, 20542, 31496), ("router", "")),
    **dict.fromkeys(
        (1369, 2604, 2620, 3097, 3224, 5089, 8741, 9789, 10704, 11256, 12356, 14331, 20632, 21067, 25461),
        ("router", "firewall"),
    ),
    **dict.fromkeys((20992, 23695, 27662), ("router", "")),
    **dict.fromkeys(
        (43, 45, 89, 202, 248, 259, 278, 1588, 1916, 1991, 2272, 3709, 4413, 5624, 5651, 6027, 6141, 6339, 6486, 8691,
         8886, 10456, 21839, 26543, 27282, 27514, 28866, 30065, 33049, 35265, 40310, 40418, 47196, 52642, 171, 3320,
         13464, 16177),
        ("switch", ""),
    ),
    **dict.fromkeys((14125, 17713, 21013, 25053, 26928, 32761, 10002, 8744, 15983), ("ap", "")),
    **dict.fromkeys((2509, 4458, 7262, 7571, 31926, 43356), ("ap", "radio")),
    **dict.fromkeys((6574, 24681, 55062, 44738, 50536, 789, 1139, 5127, 5227, 12740, 37447, 40482), ("server", "nas")),
    **dict.fromkeys((6876, 41263), ("server", "hypervisor")),
    **dict.fromkeys((10876, 42, 111), ("server", "")),
    **dict.fromkeys((7526, 13885, 37459), ("phone", "")),
    **dict.fromkeys((1768, 5003), ("phone", "voice gateway")),
    **dict.fromkeys((3797, 12612, 18026, 25766), ("display", "")),
    **dict.fromkeys((3212, 2606, 5528, 10418, 13742, 21239), ("other", "")),
}  # fmt: skip
"""What a vendor makes nearly nothing else than, and the role."""

BRANCHES: dict[str, tuple[str, str]] = {
    "9.6.1.80": ("switch", ""), "9.6.1.81": ("switch", ""), "9.6.1.82": ("switch", ""),
    "9.6.1.83": ("switch", ""), "9.6.1.84": ("switch", ""), "9.6.1.85": ("switch", ""), "9.6.1.87": ("switch", ""),
    "9.6.1.88": ("switch", ""), "9.6.1.89": ("switch", ""), "9.6.1.90": ("switch", ""), "9.6.1.91": ("switch", ""),
    "9.6.1.92": ("switch", ""), "9.6.1.93": ("switch", ""), "9.6.1.94": ("switch", ""), "9.6.1.95": ("switch", ""),
    "9.12.3": ("switch", ""), "9.6.1.1004": ("switch", ""), "14179": ("ap", "wireless controller"),
    "11.2.3.9": ("printer", ""), "11.2.3.7.11": ("switch", ""), "11.2.3.7.8": ("switch", ""),
    "11.2.3.2": ("server", ""), "11.5.7": ("server", "enclosure"), "232.165": ("ups", ""), "232.9.4": ("server", ""),
    "311.1.1.3.1.1": ("computer", "workstation"), "311.1.1.3.1.2": ("server", ""), "311.1.1.3.1.3": ("server", ""),
    "236.11.5": ("printer", ""), "258.406": ("printer", ""), "674.10892": ("server", ""),
    "674.10895": ("switch", ""), "674.10898": ("printer", ""), "674.11000": ("switch", ""),
    "1248.1": ("printer", ""), "1248.4": ("display", "projector"), "279": ("printer", ""),
    "14823.1.1": ("ap", "wireless controller"), "14823.1.2": ("ap", ""), "207.1.1": ("router", ""),
    "207.1.4": ("switch", ""), "207.1.13": ("ap", ""), "207.1.14": ("switch", ""), "890.1.15": ("switch", ""),
    "890.1.5.8": ("switch", ""), "890.1.5.13": ("ont", "dslam"), "890.1.6": ("router", ""),
    "4526.100": ("switch", ""), "11863.1.1": ("switch", ""), "11863.5": ("switch", ""), "11863.10": ("ap", ""),
    "12356.101": ("router", "firewall"), "12356.102": ("server", ""), "12356.103": ("server", ""),
    "12356.106": ("switch", ""), "12356.120": ("ap", ""), "1991.1.2": ("switch", ""), "1991.1.3": ("switch", ""),
    "2011.2.23": ("switch", ""), "2011.2.224": ("router", ""), "2011.2.239": ("switch", ""),
    "2011.2.62": ("router", ""), "2011.2.88": ("router", ""), "2011.2.240": ("ap", ""),
    "2011.2.80": ("ont", "olt"), "2011.2.115": ("ont", "olt"), "2011.2.123": ("ont", "olt"),
    "2011.2.133": ("ont", "olt"), "2011.2.185": ("ont", "onu"), "2011.2.186": ("ont", "onu"),
    "2011.2.248": ("ont", "olt"), "3902.1082": ("ont", "olt"), "3902.1015": ("ont", "olt"),
    "3902.1012": ("ont", "olt"), "3902.3": ("switch", ""), "637.61": ("ont", "olt"),
    "25053.3.1.5": ("ap", "wireless controller"), "41112.1.5": ("router", ""), "10002.1": ("ap", "radio"),
    "41112.1.4": ("ap", "radio"), "41112.1.6": ("ap", ""), "318.1.3.4": ("other", "pdu"),
    "318.1.3.2": ("ups", ""), "318.1.3.3": ("ups", ""), "318.1.3.5": ("ups", ""), "318.1.3.27": ("ups", ""),
    "318.1.3.28": ("ups", ""), "318.1.3.8": ("other", "sensor"), "476.1.42": ("ups", ""), "3808.1.1.1": ("ups", ""),
    "3808.1.1.3": ("other", "pdu"), "534.6.6": ("other", "pdu"), "119.2.3": ("display", "projector"),
    "8072.3.2.13": ("server", ""), "1.3.6.1.2.1.33": ("ups", ""),
}  # fmt: skip
"""Product families by the beginning of sysObjectID below 1.3.6.1.4.1, the longest first: class and role."""
