"""max_parallel of a job holds in a process, however many of its workers are on it."""

import asyncio
from weakref import WeakValueDictionary


class Places:
    """The deliveries that a process may have in flight, job by job."""

    def __init__(self) -> None:
        self._of: WeakValueDictionary[int, asyncio.Semaphore] = WeakValueDictionary()

    def of(self, job_id: int, at_once: int) -> asyncio.Semaphore:
        """Shared by all who are on the job, for as long as one of them is."""
        places = self._of.get(job_id)
        if places is None:
            places = self._of[job_id] = asyncio.Semaphore(at_once)
        return places
