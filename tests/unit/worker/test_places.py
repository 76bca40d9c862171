from mailer.worker.places import Places


async def test_all_who_are_on_a_job_share_its_places() -> None:
    places = Places()
    holder, helper = places.of(7, 2), places.of(7, 2)
    await holder.acquire()
    await helper.acquire()
    assert holder.locked()
    assert not places.of(8, 2).locked()


async def test_a_job_that_nobody_is_on_any_more_may_come_back_with_other_bounds() -> None:
    places = Places()
    await places.of(7, 1).acquire()
    assert not places.of(7, 1).locked()
