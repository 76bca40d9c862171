from collections.abc import Sequence
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mailer.errors import TemplateFault
from mailer.model.automation import Template
from mailer.model.row import Row
from mailer.model.template import RenderLimits, compile_template
from mailer.model.template.html_text import html_to_text

PLENTY = RenderLimits(seconds=60, bytes=1_000_000)
ROW: Row = {"NAME": "홍길동", "URL": "https://예시.kr/?가=1&copy=2", "VIP": 1, "OWES": 0, "COLOR": "red"}
LINES: list[Row] = [{"TRACK": "아리랑", "PRICE": Decimal("0.99")}, {"TRACK": "도라지", "PRICE": Decimal("1.29")}]


def text_of(html: str, row: Row = ROW, rows: Sequence[Row] = LINES, source: str = "derived") -> str:
    compiled = compile_template(Template("", html))
    assert compiled.text_source == source
    return compiled.render(row, rows, PLENTY, lambda: 0.0).text


def test_a_text_of_ones_own_is_used_as_it_is() -> None:
    compiled = compile_template(Template("", "<p>$(NAME)</p>", "\n\n\n$(NAME)\n\n\n끝"))
    assert compiled.text_source == "own"
    assert compiled.render(ROW, (), PLENTY, lambda: 0.0).text == "\n\n\n홍길동\n\n\n끝"


def test_paragraphs_and_headings_become_lines() -> None:
    html = "<h1>명세서</h1><p>안녕하세요\n <b>$(NAME)</b>님,<br>11월 명세서입니다.</p><div>고객센터</div>"
    assert text_of(html) == "명세서\n\n안녕하세요 홍길동님,\n11월 명세서입니다.\n\n고객센터\n"


def test_the_rows_of_a_table_become_lines_also_in_a_loop() -> None:
    html = """<table>
      <thead><tr><th>곡</th><th>값</th></tr></thead>
      <tbody>
      {% for LINE in ROWS %}
      <tr><td>$(LINE.TRACK)</td><td align="right">$(LINE.PRICE)</td></tr>
      {% endfor %}
      </tbody></table><p>끝</p>"""
    assert text_of(html) == "곡  값\n아리랑  0.99\n도라지  1.29\n\n끝\n"


def test_tables_within_tables_keep_their_order() -> None:
    html = (
        "<table><tr><td><table><tr><td>{% for LINE in ROWS %}<p>$(LINE.TRACK)</p><p>$(LINE.PRICE)</p>{% endfor %}"
        "</td></tr></table></td><td>옆칸</td></tr><tr><td></td><td>아래</td></tr></table>"
    )
    assert text_of(html).split() == ["아리랑", "0.99", "도라지", "1.29", "옆칸", "아래"]


def test_a_loop_over_cells_keeps_them_in_one_line() -> None:
    html = "<table><tr>{% for LINE in ROWS %}<td>$(LINE.TRACK)</td>{% endfor %}</tr></table>"
    assert text_of(html).split("  ") == ["아리랑", "도라지", "\n"]


def test_lists_get_bullets_and_numbers() -> None:
    assert text_of("<ul><li>가<li>$(NAME)</ul><ol><li>나<li>다</ol>") == "  * 가\n  * 홍길동\n 1. 나\n 2. 다\n"


def test_a_numbered_list_with_a_loop_gets_bullets_for_its_numbers_would_be_wrong() -> None:
    html = "<ol>{% for LINE in ROWS %}<li>$(LINE.TRACK)</li>{% endfor %}</ol>"
    assert text_of(html) == "  * 아리랑\n  * 도라지\n"


@pytest.mark.parametrize(
    ("link", "text"),
    [
        ('<a href="$(URL)">보기</a>', "보기 (https://예시.kr/?가=1&copy=2)"),
        ('<a href="https://x.kr/?a=1&amp;copy=2&lang=ko&reg=3">보기</a>', "보기 (https://x.kr/?a=1&copy=2&lang=ko&reg=3)"),
        ('<a href="https://x.kr/$(NAME | urlencode)?id=$(VIP)">보기</a>', "보기 (https://x.kr/%ED%99%8D%EA%B8%B8%EB%8F%99?id=1)"),
        ('<a href="$(URL)"><b>$(URL)</b></a>', "https://예시.kr/?가=1&copy=2"),
        ('<a href="https://x.kr">https://x.kr</a>', "https://x.kr"),
        ('<a href="mailto:help@example.co.kr">help@example.co.kr</a>', "help@example.co.kr"),
        ('<a href="mailto:help@example.co.kr">문의</a>', "문의 (help@example.co.kr)"),
        ('<a href="tel:02-123-4567">전화</a>', "전화 (02-123-4567)"),
        ('<a href="#top">위로</a> <a name=x>가</a> <a href="javascript:x()">나</a> <a href>다</a>', "위로 가 나 다"),
        ('<a href="$(URL)"><img src="x.png" alt="자세히 보기"></a>', "자세히 보기 (https://예시.kr/?가=1&copy=2)"),
        ('<a href="$(URL)">{% if VIP %}우대{% else %}일반{% endif %} 보기</a>', "우대 보기 (https://예시.kr/?가=1&copy=2)"),
        ('<a href="{% if VIP %}https://v.kr{% else %}https://n.kr{% endif %}">보기</a>', "보기 (https://v.kr)"),
    ],
)  # fmt: skip
def test_links_keep_their_address(link: str, text: str) -> None:
    assert text_of(f"<p>{link}</p>") == f"{text}\n"


def test_entities_are_decoded_once_and_values_are_not_escaped() -> None:
    html = "<p>&lt;가&gt; &amp;copy; R&amp;D &nbsp;&#54620; $(NAME)</p>"
    assert text_of(html, {"NAME": "<b>김&박</b> &lt;"}) == "<가> &copy; R&D 한 <b>김&박</b> &lt;\n"


def test_delimiters_that_come_out_of_the_page_are_text() -> None:
    html = "<p>&#36;(X) $<b></b>(Y) {% raw %}$(Z) {% if %}{% endraw %} &#123;% $('$(') $('{%')</p>"
    assert text_of(html) == "$(X) $(Y) $(Z) {% if %} {% $( {%\n"


def test_what_a_reader_does_not_see_is_not_in_the_text() -> None:
    html = (
        "<html><head><title>$(NAME)</title><style>p{color:$(COLOR)}</style></head><body>"
        "<!-- $(NAME) --><!--[if mso]><p>옛날</p><![endif]--><p hidden>숨김</p>"
        "<div style='Display : None'>미리보기 $(NAME)</div>"
        "<img src='$(URL)' alt=''>"
        "<p style='color:$(COLOR);{% if VIP %}top:0{% endif %}' class='{% if VIP %}v{% endif %}'>보임</p></body></html>"
    )
    assert text_of(html) == "보임\n"


def test_a_block_leaves_no_line_whether_it_is_taken_or_not() -> None:
    html = "<p>처음</p>\n{% if OWES %}\n<p>미납</p>\n{% endif %}\n<p>끝</p>"
    assert text_of(html) == "처음\n\n끝\n"
    assert text_of(html, {**ROW, "OWES": 1}) == "처음\n\n미납\n\n끝\n"


def test_blanks_that_a_minus_takes_away_are_away_and_line_breaks_stay() -> None:
    loop = "{%- for LINE in ROWS -%}\n<p>$(LINE.TRACK)</p>\n{%- endfor -%}"
    html = f"<p>가 {{%- if VIP %}} 나 {{%- endif -%}} 다</p>\n{loop}\n<p>끝</p>"
    assert text_of(html) == "가 나다\n\n아리랑\n\n도라지\n\n끝\n"


def test_a_value_that_is_nothing_leaves_no_heap_of_blank_lines() -> None:
    html = "<p>처음</p><p>$(MEMO)</p><p>$(MEMO)</p><p>끝</p>"
    assert text_of(html, {"MEMO": None}) == "처음\n\n끝\n"


def test_line_breaks_of_a_value_stay() -> None:
    assert text_of("<p>$(MEMO | nl2br)</p>", {"MEMO": "첫째\n둘째"}) == "첫째\n둘째\n"


def test_comments_are_left_out() -> None:
    assert text_of("<p>가$(# 설명 <b> #)나</p>") == "가나\n"


@pytest.mark.parametrize("html", ["", " \n ", "<p></p>", "<img src=x>", "<!-- 가 -->"])
def test_a_page_without_text_has_an_empty_text(html: str) -> None:
    assert text_of(html) == ""


EACH_MAIL = {
    "a column of html": ("<p>$(HTML | safe)</p>", "굵게"),
    "an element that shows or not": ("<p style='display:{% if VIP %}none{% else %}block{% endif %}'>가</p>나", "나"),
    "a style out of a column": ("<p style='color:$(COLOR)'>가</p><p style='$(COLOR);top:0'>나</p>", "가\n\n나"),
    "attributes that are there or not": ("<p {% if VIP %}style='display:none'{% endif %}>가</p>나", "나"),
    "the name of an element": ("<h$(VIP)>제목</h$(VIP)>", "제목"),
    "a block in a comment": ("<!-- {% if VIP %}<b>가</b>{% endif %} -->나", "나"),
    "a block that begins in an attribute": ("<p class='{% if VIP %}'>가</p><p class='{% endif %}'>나</p>", "가\n\n나"),
    "blocks that change places": ("<a href='{% if VIP %}u{% endif %}'>{% if VIP %}가{% endif %}</a>", "가 (u)"),
    "a variable that leaves its block": ("<a href='$(VIP)'>{% set VIP = 'u' %}가</a>", "가 (1)"),
    "a name set where nobody sees": ("<p class='{% set X = 1 %}'>가 $(X)</p>", "가 1"),
}


@pytest.mark.parametrize("reason", EACH_MAIL)
def test_what_can_not_be_turned_once_is_turned_for_each_mail(reason: str) -> None:
    html, text = EACH_MAIL[reason]
    assert text_of(html, {**ROW, "HTML": "<b>굵게</b>"}, source="each mail") == f"{text}\n"


def test_signs_of_the_private_use_area_in_a_page_stay() -> None:
    assert (
        text_of("<table><tr><td>\ue000가\ue001</td><td>\uf8ff$(NAME)</td></tr></table>")
        == "\ue000가\ue001  \uf8ff홍길동\n"
    )


def test_a_page_too_long_for_a_text_made_each_time_asks_for_one_of_its_own() -> None:
    compiled = compile_template(Template("", "<p>$(HTML | safe)</p>"))
    with pytest.raises(TemplateFault) as caught:
        compiled.render({"HTML": "가" * 600_000}, (), RenderLimits(60, 10_000_000), lambda: 0.0)
    assert "text part of its own" in caught.value.next_step


@settings(deadline=None)
@given(st.text())
def test_any_page_can_be_turned(html: str) -> None:
    assert "\n\n\n" not in html_to_text(html)


TAGS = [
    "<p>", "</p>", "<td>", "<tr>", "<table>", "</table>", "<a href='&copy'>", "</a>", "<ol>", "<li>", "</div>",
    "<!--", "-->", "<div style=display:none hidden>", "<a href='&#x1f;x'>", "<?x?>", "<img alt='&#1;'>",
    "&#0;", "&#x1f;", "<pre>", "<img alt=가>", "<svg>", "<![CDATA[", "나", " ",
    "\n", "\x00", "\ufffe", "\ud800", "<html style=display:none>", "<",
]  # fmt: skip


@settings(deadline=None)
@given(st.lists(st.sampled_from(TAGS)).map("".join))
def test_any_heap_of_tags_can_be_turned(html: str) -> None:
    assert "\n\n\n" not in html_to_text(html)


def _wrapped(inner: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    around = [
        "<p>{}</p>", "<div>{}</div>", "<b>{}</b>", "<span>{}</span> ", "<ul><li>{}</li></ul>", "<a href='$(C)'>{}</a>",
        "<table><tr><td>{}</td><td>칸</td></tr></table>", "{{% if A %}}{}{{% endif %}}",
        "{{% if B %}}{}{{% else %}}아니{{% endif %}}", "{{%- if not A -%}} {} {{%- endif -%}}",
        "<table>{{% for L in ROWS %}}<tr><td>{}</td><td>$(L.N)</td></tr>{{% endfor %}}</table>",
        "{{% for L in ROWS %}}<p>{}</p>{{% endfor %}}",
        "<ul>{{% for L in ROWS if L.N %}}<li>{} $(loop.index)</li>{{% endfor %}}</ul>",
        "<table><tr>{{% for L in ROWS %}}<td>{}</td>{{% endfor %}}</tr></table>",
    ]  # fmt: skip
    return st.one_of(
        st.lists(inner, min_size=1, max_size=4).map("".join),
        st.tuples(st.sampled_from(around), inner).map(lambda pair: pair[0].format(pair[1])),
    )


PAGES = st.recursive(
    st.sampled_from(["가", " 나 ", "$(A)", "$(B)", " $(C)\n", "<br>", "$(# 설명 #)", "&amp;", "$('$(')"]),
    _wrapped,
    max_leaves=12,
)


@settings(deadline=None)
@given(PAGES, st.sampled_from([None, 0, "값"]), st.sampled_from(["", "둘"]), st.lists(st.integers(0, 3), max_size=3))
def test_a_text_made_once_says_what_one_made_for_the_mail_says(
    html: str, a: int | str | None, b: str, numbers: list[int]
) -> None:
    compiled = compile_template(Template("", html))
    assert compiled.text_source == "derived"
    row: Row = {"A": a, "B": b, "C": "https://x.kr", "N": 5}
    mail = compiled.render(row, [{"N": number} for number in numbers], PLENTY, lambda: 0.0)
    assert mail.text.split() == html_to_text(mail.html).split()
    assert "\n\n\n" not in mail.text
