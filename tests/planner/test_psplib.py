"""Reading PSPLIB and MMLIB files."""

from __future__ import annotations

import pytest

from definitions.errors import DocumentUnreadable
from planner.makespan import solve
from planner.psplib import parse_instance, read_instance
from tests.planner.makespan.small import PSPLIB

TEXT = """\
RESOURCES
  - renewable                 :  1   R
  - nonrenewable              :  1   N
  - doubly constrained        :  0   D
************************************************************************
PRECEDENCE RELATIONS:
jobnr.    #modes  #successors   successors
   1        1          2           2   3
   2        2          1           4
   3        1          1           4
   4        1          0
************************************************************************
REQUESTS/DURATIONS:
jobnr. mode duration  R 1  N 1
------------------------------------------------------------------------
  1      1     0       0    0
  2      1     3       2    5
         2     5       1    1
  3      1     4       1    2
  4      1     0       0    0
************************************************************************
RESOURCEAVAILABILITIES:
  R 1  N 1
    2    4
************************************************************************
"""


def test_jobs_become_tasks_without_the_dummies() -> None:
    instance = parse_instance(TEXT)
    assert instance.durations == ((3, 5), (4,))
    assert instance.demands == (((2,), (1,)), ((1,),))
    assert instance.consumptions == (((5,), (1,)), ((2,),))
    assert (instance.capacities, instance.budgets) == ((2,), (4,))
    assert instance.successors == ((), ())
    result = solve(instance)
    assert (result.status, result.makespan, result.modes) == ("optimal", 5, (1, 0))


@pytest.mark.parametrize(
    ("cut", "message"),
    [
        ("RESOURCEAVAILABILITIES", "there is no section"),
        ("  3      1     4       1    2\n", "don't fit together"),
        ("    2    4\n", "don't fit together"),
        ("1    2\n  4 ", "has a mode of"),
    ],
)
def test_what_is_not_whole_is_refused(cut: str, message: str) -> None:
    with pytest.raises(DocumentUnreadable, match=message):
        parse_instance(TEXT.replace(cut, ""))


def test_doubly_constrained_resources_are_refused() -> None:
    with pytest.raises(DocumentUnreadable, match="doubly constrained"):
        parse_instance(TEXT.replace("doubly constrained        :  0", "doubly constrained        :  1"))


@pytest.mark.skipif(not PSPLIB.is_dir(), reason="the PSPLIB files are not in shared/ beside the repository")
def test_every_file_of_the_five_sets_is_read() -> None:
    sizes = {"j30": (30, 4, 0), "j60": (60, 4, 0), "j120": (120, 4, 0), "j20mm": (20, 2, 2), "mmlib50": (50, 2, 2)}
    for name, expected in sizes.items():
        for path in (PSPLIB / name).glob("*.?m"):
            instance = read_instance(path)
            assert (len(instance), len(instance.capacities), len(instance.budgets)) == expected, path.name
