import unicodedata
from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mailer.attachments import catalogue as module
from mailer.attachments.catalogue import Catalogue, Listed
from mailer.attachments.names import composed, last_part
from mailer.errors import AttachmentAmbiguous, AttachmentMissing


def catalogue_of(paths: Iterable[str]) -> Catalogue:
    catalogue = Catalogue()
    for size, path in enumerate(paths):
        catalogue.add(path, size)
    catalogue.sort()
    return catalogue


def decomposed(text: str) -> str:
    return unicodedata.normalize("NFD", text)


_parts = st.text(alphabet="각한é樂a", min_size=1, max_size=2).flatmap(
    lambda text: st.sampled_from([text, composed(text), decomposed(text)])
)
_paths = st.lists(_parts, min_size=1, max_size=3).map("/".join)


@given(st.lists(_paths, unique=True, max_size=30), _paths)
def test_a_name_finds_what_a_look_at_every_path_finds(paths: list[str], name: str) -> None:
    wanted = composed(name)
    expected = [
        Listed(path, size)
        for size, path in enumerate(paths)
        if wanted in ({composed(path)} if "/" in wanted else {last_part(composed(path))})
    ]
    catalogue = catalogue_of(paths)
    if not expected:
        with pytest.raises(AttachmentMissing):
            catalogue.find(name)
    elif len(expected) > 1:
        with pytest.raises(AttachmentAmbiguous):
            catalogue.find(name)
    else:
        assert catalogue.find(name) == expected[0]


@given(st.lists(_paths, unique=True, min_size=2, max_size=20))
def test_paths_whose_hashes_collide_are_still_told_apart(paths: list[str]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "crc32", lambda _: 7)
        catalogue = catalogue_of(paths)
        for size, path in enumerate(paths):
            alike = [other for other in paths if composed(other) == composed(path)]
            if "/" in path and len(alike) == 1:
                assert catalogue.find(path) == Listed(path, size)


def test_a_file_that_the_listing_shows_twice_is_one() -> None:
    assert catalogue_of(["11월/명세서.pdf", "11월/명세서.pdf"]).find("명세서.pdf").path == "11월/명세서.pdf"


def test_two_files_of_one_name_are_both_named_only_when_asked_for() -> None:
    catalogue = catalogue_of(["10월/명세서.pdf", "11월/명세서.pdf", "11월/안내.pdf"])
    assert catalogue.find("안내.pdf").path == "11월/안내.pdf"
    assert catalogue.find("11월/명세서.pdf").path == "11월/명세서.pdf"
    with pytest.raises(AttachmentAmbiguous, match=r"'10월/명세서.pdf' and '11월/명세서.pdf'") as error:
        catalogue.find("명세서.pdf")
    assert "path within the storage" in error.value.next_step


def test_two_files_that_differ_in_their_unicode_form_alone_are_said_to() -> None:
    catalogue = catalogue_of(["11월/명세서.pdf", decomposed("11월/명세서.pdf")])
    for name in ("명세서.pdf", "11월/명세서.pdf"):
        with pytest.raises(AttachmentAmbiguous, match="two Unicode forms"):
            catalogue.find(name)


def test_names_that_nobody_can_ask_for_are_not_listed() -> None:
    catalogue = catalogue_of(["\udcb8\udced.pdf", ".snapshot/a.pdf", "a\\b.pdf", "x//a.pdf", "x/../a.pdf"])
    assert len(catalogue) == 0
    with pytest.raises(AttachmentMissing):
        catalogue.find("a.pdf")


def test_capitals_count() -> None:
    with pytest.raises(AttachmentMissing) as error:
        catalogue_of(["A.pdf"]).find("a.pdf")
    assert "capitals count" in error.value.next_step
