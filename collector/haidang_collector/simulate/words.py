"""Names of a city that nobody can take for a real one.

Sites are below `.invalid` (RFC 2606). Mail addresses that have to be of education are below a domain whose name says
that it does not exist; nobody has a telephone.
"""

from __future__ import annotations

DISTRICTS = 24
SCHOOL = {
    "kindergarten": "Trường Mầm non",
    "primary": "Trường Tiểu học",
    "lower_secondary": "Trường THCS",
    "upper_secondary": "Trường THPT",
    "continuing": "Trung tâm GDTX",
    "mixed": "Trường liên cấp",
}
STARS = (
    "Sao Biển", "Cánh Buồm", "Hải Âu", "San Hô", "Ngọn Sóng", "Mây Trắng", "Nắng Mai", "Gió Nam", "Hoa Giấy",
    "Tre Xanh", "Đom Đóm", "Sao Hôm", "Cầu Vồng", "Bình Minh Giả", "Mưa Rào", "Vỏ Ốc",
)  # fmt: skip
FAMILIES = ("Nguyễn", "Trần", "Lê", "Phạm", "Võ", "Đặng", "Bùi", "Đỗ")
SUBJECTS = (
    "Toán", "Ngữ văn", "Ngoại ngữ", "Khoa học tự nhiên", "Lịch sử và Địa lí", "Tin học", "Thể dục", "Nghệ thuật",
)  # fmt: skip
ISPS = ("VNPT", "Viettel", "FPT", "CMC", "SCTV")
SERVICES = (
    "hcm", "httt", "smas", "vietschool", "pcgd", "mamnon", "eqms", "thongke", "thongke-smas", "thituyensinh", "moet",
    "e-ict", "truonghocketnoi", "elearning",
)  # fmt: skip
"""Short names of the sector's systems (requirement R12)."""
PUBLIC = "public_"
"""How the name of a unit's own service for parents begins (requirement R13)."""
DEPARTMENT_FEED = "https://so-mo-phong.invalid/rss"


def district(number: int) -> str:
    return f"Quận Mô Phỏng {number % DISTRICTS + 1:02d}"


def school(level: str, number: int) -> str:
    return f"{SCHOOL[level]} {STARS[number % len(STARS)]} {number + 1} (mô phỏng)"


def site(code: str) -> str:
    return f"https://{code.lower()}.invalid/"


def mail_domain(code: str, *, education: bool) -> str:
    return f"{code.lower()}.{'khong-co-that.edu.vn' if education else 'invalid'}"


def person(number: int, unit: int) -> str:
    return f"{FAMILIES[(unit + number) % len(FAMILIES)]} Thị Giả Định {unit + 1}.{number + 1}"
