from __future__ import annotations

import re
from random import Random

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ot_assets.similarity.quantities import quantities


@pytest.mark.parametrize(
    "spellings",
    [
        ("1000", "1,000", "1, 000", r"1{,}000", r"1\,000", r"1,\!000", "１０００", "١٠٠٠"),
        ("0.5", ".5", "0.50", "00.5"),
        ("1/2", "1 / 2", r"\frac{1}{2}", r"\dfrac12", r"\tfrac{1}2", "½", "half"),
        ("25", "twenty-five", "twenty five", "Twenty-Five", "二十五"),
        ("12", "twelve", "dozen", "十二"),
        ("325", "三百二十五"),
        ("2024", "二〇二四"),
        ("30000", "三万"),
        ("twice", "double"),
        ("3rd", "third", "03rd"),
        ("50%", r"50\%", "50％", "50 percent"),
        ("3 * 4", r"3 \times 4", "3×4", r"3\cdot 4", "3 times 4", "3 multiplied by 4"),
        ("x ÷ 2", r"x \div 2", "x divided by 2", "x/2"),
        ("3 - 4", "3 − 4", "3 – 4", "3 minus 4"),
        ("3 + 4", "3+4", "3 plus 4"),
        (r"x \le 3", r"x \leq 3", r"x\leqslant 3", "x ≤ 3", "x <= 3"),
        (r"x \ne 3", r"x \neq 3", "x ≠ 3", "x != 3"),
        ("x^2", "x^{2}", "x²", "x**2", "x ^ 2"),
        ("x^{12}", "x¹²"),
        (r"\frac{x}{y}", r"\dfrac{x}{y}", r"\tfrac {x} {y}"),
        (r"\sqrt{2}", "√2"),
        (r"\alpha + \pi", "α + π"),
        (r"90^\circ - x", r"90^{\circ} - x", "90° - x", "90^∘ - x"),
        (r"(x + 1)^2", r"\left(x+1\right)^{2}", "（x＋1）²"),
        (r"f'(2)", "f’(2)", r"f^{\prime}(2)"),
        (r"2^{-1}", "2⁻¹"),
        ("x_1", "x_{1}", "x₁"),
        ("a_{n+1}", "aₙ₊₁"),
        ("3 x 4", "3 × 4", "3x4"),
        ("x < 4", "x &lt; 4", r"x \lt 4"),
        ("not prime", "isn't prime", "isn’t prime", "is n't prime"),
        ("cannot", "can't", "can not"),
        ("25th", "twenty-fifth"),
        ("13th", "thirteenth"),
        ("⅓", "1/3"),
        ("3 p.m.", "3 pm", "3 PM"),
        ("AB + cd", "A B + c d"),
        ("ab-cd", "ab - cd"),
        ("a big 3", "the big 3", "big 3"),
        ("Janet's 3 eggs", "Janet’s 3 eggs", "Janet 's 3 eggs"),
        (r"\textbf{How many} are 3", "How many are 3"),
        (r"\begin{array}{ll} 1 & 2 \end{array}", r"\begin{array}{cc} 1 & 2 \end{array}"),
        ("5 km", "5km", "5 kilometers", "5 kilometres", r"5\text{ km}", r"5\,\mathrm{km}", "5 千米", "五千米"),
        ("5 s", "5 seconds", "5 second"),
        ("$5 a day", "$ 5 a day", r"\$5 a day"),
        (r"$\left( 3, 4 \right)$", "(3,4)", r"\( (3, 4) \)", r"\[\bigl(3,\;4\bigr)\]"),
        (r"$x$ is 3", "x is 3", r"\textbf{x} is\quad 3."),
        ("nonzero", "non-zero"),
        # signs, however they are written
        ("x", "𝑥", "𝐱", "𝘅", r"\mathbf{x}"),
        (r"\mathbb{R}", r"\mathbb R", "ℝ"),
        (r"\mathcal{F}", "ℱ", "𝓕"),
        (r"\mathfrak{g}", "𝔤"),
        ("φ + ε", "ϕ + ϵ", "𝜙 + 𝜖"),
        ("a != b", "a ≠ b", "a =\u0338 b"),
        ("¬p", r"\neg p", r"\lnot p"),
        ("~p", "~ p", r"\sim p", "～p"),
        ("x -> 3", "x → 3", r"x \to 3", r"x\rightarrow 3", "x-->3"),
        ("x <-> y", "x ↔ y", r"x \leftrightarrow y"),
        ("x - 3", "x — 3", "x—3", "x ‑ 3", "x ‒ 3"),
        (r"A \setminus B", "A ∖ B", r"A\B", r"A \ B"),
        ("5¢", "5 cents"),
        ("‖x‖", "||x||", r"\|x\|", r"\left\|x\right\|", r"\lVert x\rVert"),
        ("3:2", "3 : 2", "3∶2", "3：2"),
        ("30 °C", "30℃", "30 ℃"),
        ("5 kg", "5㎏"),
        ("5'", "5′", "5’"),
        ('5"', "5″", "5”", "5''"),
        ("1, 2, ..., 9", "1,2,...,9", "1, 2, …, 9", "1, 2, . . . , 9", r"1, 2, \ldots, 9", r"1, 2, \dots, 9"),
        ("x\u0302", "x\u200b\u0302"),
        ("3 emoji 🍎️ here", "3 emoji 🍎 here"),
        # what is punctuation there
        ("Wow! Find x", "Wow. Find x", "Wow!! Find x", "Wow !! Find x"),
        ("Find x now.", "Find x now!", "Find x now !", "Find x now!!!"),
        ("the number 5 is", 'the number "5" is', "the number '5' is", "the number “5” is", "the number ``5'' is"),
        ("he wrote chapter 5 and left", 'he wrote "chapter 5" and left', "he wrote 'chapter 5' and left"),
        ("he said I have 5 or 6", 'he said "I have "5" or "6""', 'he said "I have\n5" or 6'),
        ("the dog's 5 bones", "the dog 's '5' bones"),
        ("a number, which is odd", "a number — which is odd", "a number—which is odd"),
        ("the integer $n$, the first", "the integer $n$ — the first"),
        ("Hmm. Find x", "Hmm... Find x", "Hmm… Find x"),
        ("Find 3 and x", "★ Find 3 and x", "  ■ Find 3 and x", "✓ Find 3 and x", "• Find 3 and x", "## Find 3 and x"),
        ("problem 5", "problem #5"),
        ("Lego has 5", "Lego® has 5", "Lego™ has 5"),
        ("5~km~wide", "5 km wide", r"5\mathrm{~km} wide"),
        ("define 3 offices", "deﬁne 3 oﬃces", "de\u00adfine 3 of\u200bfices"),
        ("Beth has 3 dots", "Ann has 3 dots", "Ann has 3 aleph"),
    ],
)
def test_spellings_of_the_same(spellings):
    told = {quantities(text) for text in spellings}
    assert len(told) == 1, told
    assert told != {()}


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("Find 3 + 4", "Find 3 - 4"),
        ("x + y", "x - y"),
        ("-3", "3"),
        (r"\sin x", r"\cos x"),
        ("sin(x)", "cos(x)"),
        ("x^2", "x_2"),
        (r"x \le 3", "x < 3"),
        ("5!", "5"),
        ("at least 3", "at most 3"),
        ("the largest root", "the smallest root"),
        ("even integers", "odd integers"),
        ("negative", "non-negative"),
        ("5 km", "5 m"),
        ("5 m long", "5 cm long"),
        ("in metres", "in feet"),
        ("$5 and more", "5 and more"),
        ("50%", "50"),
        ("the third", "the fourth"),
        ("three", "four"),
        ("3:2", "3, 2"),
        ("f'(2)", "f(2)"),
        ("twelve", "twenty"),
        ("120", "1,2,0"),
        ("1.5", "1,5"),
        ("3 and 5", "5 and 3"),
        ("三个", "四个"),
        ("至少 3", "至多 3"),
        ("加 3", "减 3"),
        (r"\frac{1}{2}", r"\frac{1}{3}"),
        (r"\mathbb{R}", r"\mathbf{R}"),
        # what is grouped
        (r"\sqrt{x+1}", r"\sqrt{x}+1"),
        (r"\sqrt[3]{x}", r"\sqrt{3}x"),
        (r"\frac{1}{x+1}", r"\frac{1}{x}+1"),
        ("2^{n+1}", "2^{n}+1"),
        ("aₙ₊₁", "aₙ+1"),
        ("(xy)^2", "xy^2"),
        ("f(x+1)", "f(x)+1"),
        ("(8-2)*3+5", "8-2*(3+5)"),
        ("(3+2)! / 4", "(3+2) / 4"),
        ("[0, 1)", "(0, 1)"),
        ("]0, 1[", "[0, 1]"),
        (r"\{1, 2\}", "(1, 2)"),
        (r"\frac{\sqrt[3]{x}+1}{2}", r"\frac{\sqrt[3]{x}}{2}+1"),
        # a minus
        ("5 - [3 + 4]", "5 [3 + 4]"),
        ("5 - |x|", "5 |x|"),
        ("5 - sin x", "5 sin x"),
        ("5 - xy", "5 xy"),
        # numbers of all sorts
        ("log₂ 8", "log₃ 8"),
        ("x₁", "x₂"),
        ("CO₂", "CO₃"),
        ("2⁻¹", "2^1"),
        ("①", "②"),
        ("Ⅳ", "Ⅴ"),
        ("壹", "贰"),
        ("0xFE", "0xFA"),
        ("thirteenth", "fourteenth"),
        ("twenty-fifth", "twenty-sixth"),
        ("hundredth", "thousandth"),
        ("the tens digit", "the hundreds digit"),
        ("two thirds", "two fifths"),
        # words and units
        ("isn't prime", "is prime"),
        ("isn’t prime", "is prime"),
        ("3 and 5", "3 or 5"),
        ("sine", "cosine"),
        ("ascending", "descending"),
        ("a hexagon", "an octagon"),
        ("on Monday", "on Tuesday"),
        ("3 a.m.", "3 p.m."),
        ("5 mA", "5 A"),
        ("5 MHz", "5 GHz"),
        ("5 mW", "5 MW"),
        ("5 eV", "5 keV"),
        ("5 atm", "5 bar"),
        ("5 μm", "5 mm"),
        ("30 °C", "30 °F"),
        (r"\begin{pmatrix} 1 \end{pmatrix}", r"\begin{vmatrix} 1 \end{vmatrix}"),
        # names
        ("find x", "find y"),
        ("find $a$", "find $b$"),
        ("digit a is", "digit b is"),
        ("the x-intercept", "the y-intercept"),
        (r"\angle GAC", r"\angle HAC"),
        (r"\Delta S", r"\Delta T"),
        ("part viii", "part xiii"),
        # letters in a style of mathematics, and with a mark
        ("Find 𝑥", "Find 𝑦"),
        ("Find 𝟏", "Find 𝟐"),
        ("from ℤ", "from ℝ"),
        ("from ℝ", "from R"),
        ("Find 𝓕", "Find 𝔉"),
        ("Find ϕ", "Find ϵ"),
        ("ℵ is", "ℶ is"),
        ("x\u0304", "x"),
        ("x\u0304", "x\u0302"),
        ("v\u20d7", "v"),
        # signs
        ("a =\u0338 b", "a = b"),
        ("¬p → q", "p → q"),
        ("~p → q", "p → q"),
        ("p & ~q", "p & q"),
        ("!p", "p"),
        ("p && !(q || r)", "p && (q || r)"),
        ("a ♠", "a ♥"),
        ("a ★ b", "a ☆ b"),
        ("□ABC", "△ABC"),
        ("🍎 + 🍎 = 10", "🍎 + 🍌 = 10"),
        ("5 @ 3", "5 # 3"),
        ("5@3", "5 3"),
        ("5#3", "5 3"),
        ("in C#", "in C"),
        ("x->3", "x>3"),
        ("x <-> y", "x -> y"),
        ("x — 3", "x 3"),
        ("$x$ — $y$", "$x$ $y$"),
        ("A\\B", "AB"),
        ("‖x‖", "x"),
        ("‖x‖", "|x|"),
        (r"\|x\|", "x"),
        ("1, 2, ..., 9", "1, 2, 9"),
        # units
        ("5' long", '5" long'),
        ("5' long", "5 long"),
        ("5″ long", "5′ long"),
        ("5” long", "5’ long"),
        ('a 5" pipe and a "big" 3" one', 'a 5" pipe and a "big" 3 one'),
        ("the dog 's bone is 5' long", "the dog 's bone is 5 long"),
        ("30℃", "30℉"),
        ("5㎏", "5㎝"),
        ("35‰", "35"),
        ("35‰", "35%"),
        ("5¢", "5"),
        ("₹100", "100"),
        ("₹100", "₽100"),
        ("￠5", "￡5"),
    ],
)
def test_different_questions_differ(one, other):
    assert quantities(one) != quantities(other)


def test_the_sequence_of_a_question():
    text = "If $x^2 \\le 1{,}000$ kg, what is half of $\\frac{1}{2}$?"
    assert quantities(text) == ("x", "^", "2", "<=", "1000", "kg", "1/2", "1/2")
    assert quantities("Janet's well-known eggs, Wow!") == ()
    assert quantities("") == ()


PIECES = st.sampled_from(
    "Find the sum of 3 17 2.5 , . x y + * = < \\le \\frac{1}{2} 50% twenty-five km at least \\$5 - ( ) n! f' 三百"
    " 至少 \\sin \\quad \\left( \\right) 1,000 ² α ∑ ? ; ~p !q x̄ 𝑥 ℝ -> 5\" 5' @ ‰ ¢ ♠ 🍎 ‖".split()
)


@given(st.lists(PIECES, max_size=20), st.randoms())
@example(["3", "x", "3"], Random(1))
def test_white_space_and_dollars_do_not_count(pieces, random):
    plain = " ".join(pieces)
    spaced = "".join(piece + random.choice([" ", "  ", "\n", "\t", " \\quad ", " \\; "]) for piece in pieces)
    assert quantities(" " + spaced) == quantities(plain)


@given(st.text(st.sampled_from("ab ,.()[]{}+-3"), max_size=30), st.integers(0, 10**6), st.integers(0, 10**6))
def test_another_number_is_another_question(text, one, other):
    said = [quantities(f"{text} is {number} so") for number in (one, other)]
    assert (said[0] == said[1]) == (one == other)


@given(st.integers(0, 10**12))
def test_marks_between_thousands_do_not_count(number):
    assert quantities(f"{number:,}") == quantities(str(number)) == (str(number),)


@given(st.integers(1, 9999))
def test_chinese_numerals_are_read(number):
    digits, places = "零一二三四五六七八九", ["", "十", "百", "千"]
    said = "".join(
        digits[int(digit)] + (places[place] if digit != "0" else "")
        for place, digit in zip(range(len(str(number)) - 1, -1, -1), str(number), strict=True)
    )
    said = re.sub("零+", "零", said).rstrip("零")
    assert quantities(f"共{said}个") == (str(number),)


@given(st.text(max_size=200))
def test_any_text_is_read(text):
    assert all(isinstance(entry, str) and entry and " " not in entry for entry in quantities(text))


@pytest.mark.parametrize(
    "piece",
    [
        '"',
        "'",
        "“",
        "‘",
        "``",
        "1'",
        '1"',
        "'1",
        '"1',
        "x — ",
        "★ ",
        "★\n",
        "\n",
        ", .",
        ",.",
        "~ ",
        " !",
        "x\u0304",
        "#",
        "->",
        "x ",
        "𝑥",
        "9",
        "1,000,",
        "$1",
        "- ",
        "万",
        "\\frac{1}",
        "a",
        "1 / ",
        "1 ",
        "\\",
        "^{",
        "! ",
        "(",
        "({",
        "a)",
        "²₁",
        "a  ",
    ],
)
def test_a_long_text_takes_its_length_only(piece):
    assert quantities(piece * (300_000 // len(piece))) is not None
