import pytest

from mailer.model.sql_tokens import TokenKind, split_tokens, sql_tokens


def texts(query: str) -> list[str]:
    return [token.text for token in sql_tokens(query)]


def test_a_query_is_cut_into_words_names_texts_binds_and_signs() -> None:
    query = """SELECT T."번 호", 이름, N'it''s' -- :none
        FROM T /* :nor this ' */ WHERE A<=0.5 AND K#1 = :고객_ID"""
    kinds = {token.text: token.kind for token in sql_tokens(query)}
    assert kinds['"번 호"'] is TokenKind.QUOTED
    assert kinds["이름"] is kinds["K#1"] is TokenKind.WORD
    assert kinds["'it''s'"] is TokenKind.TEXT
    assert kinds["0.5"] is TokenKind.NUMBER
    assert kinds["<"] is kinds["="] is TokenKind.SIGN
    assert [text for text, kind in kinds.items() if kind is TokenKind.BIND] == [":고객_ID"]


def test_a_token_knows_its_place_and_how_deep_it_stands() -> None:
    query = "A (B, CASE C END) D"
    assert all(query[token.start : token.end] == token.text for token in sql_tokens(query))
    depths = {token.text: token.depth for token in sql_tokens(query)}
    assert depths == {"A": 0, "(": 0, "B": 1, ",": 1, "CASE": 1, "C": 2, "END": 1, ")": 0, "D": 0}


def test_what_stands_in_a_query_in_parentheses_is_in_a_subquery_at_any_depth() -> None:
    found = {token.text: token.in_subquery for token in sql_tokens("A IN (B) AND C IN (SELECT F(D) FROM (E))")}
    assert [found[text] for text in ("A", "B", "C", "SELECT", "D", "E")] == [False] * 3 + [True] * 3


def test_tokens_are_split_where_a_sign_stands_outside_of_parentheses() -> None:
    runs = split_tokens(sql_tokens("A, F(B, C) D,"), ",")
    assert [[token.text for token in run] for run in runs] == [["A"], ["F", "(", "B", ",", "C", ")", "D"], []]


@pytest.mark.parametrize(
    "query",
    [
        "A = ?",
        "A = ?1",
        "A = @B",
        "A = $B",
        "A = #B",
        "A = : B",
        'A = :"B"',
        "A = B::TEXT",
        "A [B]",
        "A `B`",
        "A;",
        "A; B",
        "'A",
        '"A',
        '""',
        "{A}",
        "A \\ B",
        "q'[it's]'",
        "NQ'(A)'",
        "A\u00a0B",
        "A·B",
        "-- A\rB",
        "A\rB",
        "(A",
        "A)",
        "CASE A",
        "A END",
        "(CASE A) END",
    ],
)
def test_what_may_mean_several_things_is_refused(query: str) -> None:
    with pytest.raises(ValueError, match="it has a "):
        sql_tokens(query)


def test_an_unfinished_comment_is_none() -> None:
    assert texts("A /* B") == ["A", "/", "*", "B"]


def test_case_and_end_are_names_behind_a_dot() -> None:
    assert texts("T.CASE, T.END") == ["T", ".", "CASE", ",", "T", ".", "END"]
