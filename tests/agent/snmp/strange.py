"""Tables with any value of any type in any column, and indexes of any length."""

from collections.abc import Sequence

from haidang_agent.snmp.session import ObjectId
from hypothesis import strategies as st

VALUES = st.one_of(
    st.integers(-(2**31), 2**64 - 1),
    st.integers(0, 9),
    st.binary(max_size=20),
    st.ip_addresses(v=4),
    st.lists(st.integers(0, 2**32 - 1), min_size=1, max_size=6).map(
        lambda arcs: ObjectId(".".join(map(str, (1, 3, *arcs))))
    ),
)
INDEXES = st.lists(st.integers(0, 300), min_size=1, max_size=14).map(lambda arcs: ".".join(map(str, arcs)))


def strange_tables(entries: Sequence[str], columns: st.SearchStrategy[int]) -> st.SearchStrategy[dict[str, object]]:
    """Rows of the tables whose entries are named."""
    oids = st.builds("{}.{}.{}".format, st.sampled_from(entries), columns, INDEXES)
    return st.dictionaries(oids, VALUES, max_size=40)
