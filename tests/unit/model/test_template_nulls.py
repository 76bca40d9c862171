import pytest

from mailer.model.automation import Template
from mailer.model.template.nulls import columns_asked_for_null


def asked(html: str) -> set[str]:
    return set(columns_asked_for_null(Template("", html)))


@pytest.mark.parametrize(
    "html",
    [
        "$(등급 | default('일반'))",
        "$(등급 | trim | default('일반'))",
        "{% if 등급 is not null %}$(등급){% endif %}",
        "{% if 등급 is blank %}없음{% endif %}",
        "{% if 등급 %}$(등급){% endif %}",
        "{% if TOTAL > 0 %}{% elif not 등급 %}{% endif %}",
        "$(등급 if 등급 else '일반')",
        "{% for LINE in ROWS %}$(LINE.등급 | default('-')){% endfor %}",
        "$(ROW['등급'] | default('-'))",
    ],
)
def test_a_template_that_asks_for_null_is_prepared_for_it(html: str) -> None:
    assert asked(html) == {"등급"}


@pytest.mark.parametrize("html", ["$(등급)", "{% if 등급 == 'VIP' %}{% endif %}", "$(등급 | upper)"])
def test_a_template_that_only_uses_a_column_is_not(html: str) -> None:
    assert asked(html) == set()


def test_every_part_and_header_may_ask() -> None:
    template = Template("$(a | default(''))", "", "$(b | default(''))")
    assert columns_asked_for_null(template, [("X-C", "$(c | default(''))")]) == {"A", "B", "C"}
