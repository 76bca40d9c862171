from mailer.errors import FenceLost, innermost


def test_the_error_is_found_in_the_groups_around_it() -> None:
    error = KeyError("NAME")
    assert innermost(ExceptionGroup("tasks", [ExceptionGroup("tasks", [error])])) is error
    assert innermost(error) is error


def test_of_several_errors_ours_is_the_one_to_show() -> None:
    ours = FenceLost("in other hands")
    assert innermost(ExceptionGroup("tasks", [KeyError("NAME"), ExceptionGroup("tasks", [ours])])) is ours
