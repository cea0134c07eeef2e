"""Files of spend that something is wrong with: what is said of which line, and what is written all the same."""

from typing import Final

HEAD: Final = "date;campaign;cost;clicks\n"
BAD: Final[tuple[tuple[str, bytes, list[tuple[int, str, bool]], list[str]], ...]] = (
    (
        "money returned",
        f"{HEAD}01.11.2026;a;-15,50;1\n".encode(),
        [(2, "The cost is negative: it is taken as money returned.", False)],
        ["-15.500000"],
    ),
    (
        "headings twice",
        f"{HEAD}01.11.2026;a;5;1\n{HEAD}02.11.2026;a;6;1\n".encode(),
        [(3, "The headings are repeated here.", False)],
        ["5.000000", "6.000000"],
    ),
    ("a mark of the encoding", f"{HEAD}01.11.2026;a;5;1\n".encode("utf-8-sig"), [], ["5.000000"]),
    (
        "nothing where a cost should be",
        f"{HEAD}01.11.2026;a;--;1\n02.11.2026;a;6;--\n".encode(),
        [(2, "There is no cost in this line.", True)],
        ["6.000000"],
    ),
    (
        "thousands however they are written",
        f"{HEAD}01.11.2026;a;1\u00a0234,56;1\n02.11.2026;a;1,234.56;1\n03.11.2026;a;1 234,56;1\n".encode(),
        [],
        ["1234.560000"] * 3,
    ),
    (
        "a day that there is not",
        f"{HEAD}31.02.2026;a;5;1\n01.11.2026;a;6;1\n".encode("cp1251"),
        [(2, "There is no day 31.02.2026.", True)],
        ["6.000000"],
    ),
    (
        "the number that a spreadsheet has for a day",
        f"{HEAD}46327;a;5;1\n01.11.2026;a;6;1\n".encode(),
        [(2, "“46327” is not a day.", True)],
        ["6.000000"],
    ),
    ("no clicks", f"{HEAD}01.11.2026;a;5;\n".encode(), [], ["5.000000"]),
    (
        "several currencies",
        b"date,cost,currency\n2026-11-01,5,EUR\n2026-11-01,6,RUB\n2026-11-01,7,ZZZ\n",
        [(4, "“ZZZ” is not a currency.", True)],
        ["5.000000", "6.000000"],
    ),
)
