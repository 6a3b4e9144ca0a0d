"""What the ten levels of difficulty mean, a scale for each kind of problem.

Our own wording. The levels of mathematics follow the public scale of the AoPS wiki (contests and problem numbers by
level), the others the same idea for programming contests and science olympiads; the published filters take their
rubrics from Sky-T1.
"""

from __future__ import annotations

from typing import Literal

Rubric = Literal["icpc", "aops", "science_olympiad"]

_TASK = """
You are given one problem. Say in one or two sentences what makes it easy or hard (which ideas it needs, how many steps,
which traps), then rate it with a whole number from 1 to 10 on the scale below. Rate the problem, not its wording: a
long story around a simple computation is easy, a short statement may be very hard. Do not solve it in full. What lies
between two levels gets the lower one.
"""

_ICPC = """
The scale is that of problems set at ICPC regionals and world finals, for a team that knows the usual algorithms:

1. A few lines that follow the statement: arithmetic, one condition, one loop.
2. Simulation or string handling with care for limits and corner cases; sorting, counting, prefix sums.
3. One standard technique, easy to recognise: greedy with an obvious order, binary search, breadth-first search, a
   stack.
4. A standard technique in a light disguise: knapsack-like dynamic programming, shortest paths, union-find, modular
   arithmetic.
5. Two standard techniques together, or dynamic programming whose state has to be found; the middle of a regional.
6. An observation that is not obvious before a known algorithm fits: segment trees, tree or bitmask dynamic programming,
   flows and matchings, string automata.
7. Several such observations, or an advanced structure with a delicate implementation; few teams of a regional solve it.
8. The hardest of a regional or the middle of a world final: deep combinatorics, geometry with degenerate cases,
   optimised dynamic programming, flows with a hidden model.
9. Solved by a handful of teams at a world final: a new idea and a long proof or implementation.
10. Solved by one team or none at a world final.
"""

_AOPS = """
The scale is that of the mathematics contests:

1. First contests of middle school; the early problems of AMC 8 and AMC 10, routine word problems.
2. The last problems of AMC 8, the middle of AMC 10, simple problems of AMC 12: two or three steps, basic counting.
3. The end of AMC 10, the middle of AMC 12, the first problems of AIME: a creative use of school mathematics.
4. The end of AMC 12 and the middle of AIME: several ideas, or one that has to be found.
5. The later problems of AIME, and olympiad problems with a short proof, as at the start of USAJMO.
6. The last problems of AIME; the first problem of a day at USAMO or IMO when it is an easy one.
7. Harder problems of USAJMO, average first problems of USAMO or IMO: a technical proof, or a real insight.
8. The second problem of a day at USAMO or IMO.
9. The third problem of a day at USAMO or IMO, for experts of olympiads.
10. The hardest that were ever set there, which almost nobody solved; too hard for most contests.

Examples:
- A class of 24 has six more girls than boys. How many girls are there? Level 1.
- A die is rolled twice. What is the probability that the second roll is higher than the first? Level 2.
- How many whole numbers below 1000 have the digit sum 15? Level 3.
- How many words of ten letters a and b contain neither aaa nor bbb? Level 4.
- Positive numbers a, b, c have the product 1. Prove that their sum is at most the sum of their squares. Level 5.
- Find all real functions f with f(x^2 + f(y)) = y + f(x)^2 for all x and y. Level 6.
- Whole numbers a, b > 0 are such that ab + 1 divides a^2 + b^2. Prove that the quotient is a square. Level 8.
- A hunter and an invisible rabbit take turns to jump by 1 in the plane; before each of his own, the hunter learns a
  point within 1 of the rabbit. Can he surely be within 100 of it after 10^9 rounds? Level 10.
"""

_SCIENCE = """
The scale is that of the science olympiads in physics, chemistry and biology:

1. Recall of one fact or definition from school.
2. One formula or one rule of school science, put to use once.
3. Two or three school steps: a mole balance, a circuit with a few resistors, a simple pedigree. A first round at
   school.
4. Combines topics of a good school course, or reads a graph or a table with care. The easier half of a national first
   round (F=ma, the local exam of USNCO, the open exam of USABO).
5. The harder half of such a round: a model has to be set up, or several effects weighed.
6. A national second round: undergraduate ideas, a derivation of several steps, a mechanism with a reason for each step.
7. A national final, or the easy part of an international theory paper.
8. The middle of a theory paper at IPhO, IChO or IBO: a long chain of parts, approximations that have to be justified,
   spectra or data from which a structure follows.
9. The hard parts of such a paper, which only medallists solve.
10. The hardest that were set there, close to research: a new model or mechanism that almost nobody found.

For physics weigh the modelling and the mathematics; for chemistry the chain of inferences about structure, mechanism or
equilibrium; for biology the analysis of experiments and data above the recall of names.
"""

RUBRICS: dict[str, str] = {
    "icpc": _TASK + _ICPC,
    "aops": _TASK + _AOPS,
    "science_olympiad": _TASK + _SCIENCE,
}
