"""Automations of every form that a definition can have, for hypothesis."""

from dataclasses import replace
from datetime import time, timedelta

from hypothesis import strategies as st

from mailer.model.automation import (
    LAST_DAY,
    Automation,
    Dbio,
    MissingAttachment,
    Policies,
    Schedule,
    ScheduleKind,
    Template,
    UnknownPolicy,
)

DURATIONS = st.one_of(
    st.integers(0, 10**7).map(lambda seconds: timedelta(seconds=seconds)),
    st.timedeltas(min_value=timedelta(0), max_value=timedelta(days=10_000)),
)
# A NUL is refused, a leading byte order mark is none of the text, and $( and {% would have to be a template.
CHARACTERS = st.characters(exclude_categories=["Cs"], exclude_characters="\0\ufeff$({")
TEXTS = st.one_of(
    st.text(CHARACTERS, min_size=1),
    st.text(st.sampled_from("가 SELECT'\"\\\n\r\t"), min_size=1),
).filter(str.strip)
WORDS = st.text(st.sampled_from("월간명세서abZ-_ .:/'\"\\"), min_size=1, max_size=20).map(str.strip).filter(bool)
COLUMNS = st.sampled_from(["CUST_ID", "고객번호", "CUST#NO", '"TWO WORDS"'])
ADDRESSES = st.sampled_from(["help@example.co.kr", "고객센터 <billing@example.co.kr>", '"Kim, J." <kim@예시.kr>'])
HEADERS = st.dictionaries(
    st.sampled_from(["List-Unsubscribe", "X-Campaign", "X.Odd'Name"]), st.text(CHARACTERS), max_size=3
)

TIMES = st.lists(st.times().map(lambda at: at.replace(microsecond=0)), min_size=1, max_size=3).map(tuple)
RULES = st.one_of(
    st.builds(Schedule, kind=st.just(ScheduleKind.DAILY), at=TIMES),
    st.builds(
        Schedule,
        kind=st.just(ScheduleKind.WEEKLY),
        at=TIMES,
        weekdays=st.lists(st.integers(0, 6), min_size=1).map(tuple),
    ),
    st.builds(
        Schedule,
        kind=st.just(ScheduleKind.MONTHLY),
        at=TIMES,
        month_days=st.lists(st.integers(1, 31) | st.just(LAST_DAY), min_size=1).map(tuple),
    ),
    st.builds(
        Schedule,
        kind=st.just(ScheduleKind.REALTIME),
        every=st.none() | DURATIONS.filter(bool),
    ),
    st.builds(Schedule, kind=st.just(ScheduleKind.CRON), rule=st.sampled_from(["*/5 9-18 * * 1-5", "0 9 L * *"])),
)
SCHEDULES = st.builds(
    lambda rule, timezone, grace: Schedule(
        rule.kind, rule.at, rule.weekdays, rule.month_days, rule.every, rule.rule, timezone, grace
    ),
    RULES,
    st.sampled_from(["Asia/Seoul", "UTC", "Australia/Lord_Howe"]),
    DURATIONS,
)
POLICIES = st.builds(
    Policies,
    sender=ADDRESSES,
    reply_to=st.lists(ADDRESSES, max_size=2).map(tuple),
    headers=HEADERS.map(lambda headers: tuple(headers.items())),
    configuration_set=st.none() | st.sampled_from(["mailer", "monthly_2"]),
    max_parallel=st.integers(1, 1000),
    missing_attachment=st.sampled_from(MissingAttachment),
    unknown=st.sampled_from(UnknownPolicy),
    hold_back=DURATIONS,
)
MAPPINGS = st.one_of(
    st.tuples(st.none() | TEXTS, st.just(False)),
    st.tuples(st.just("SELECT CUST_ID, ITEM\n  FROM ORDER_LINE\n WHERE CUST_ID = :CUST_ID"), st.booleans()),
)
"""A mapping query, and whether it is asked for many recipients at once."""
DBIOS = st.builds(
    lambda dbio, mapping: replace(dbio, mapping=mapping[0], mapping_batch=mapping[1]),
    st.builds(
        Dbio,
        source=WORDS,
        target=TEXTS,
        key=COLUMNS,
        email=COLUMNS,
        update=st.none() | TEXTS,
        attachment=st.none() | COLUMNS,
    ),
    MAPPINGS,
)
AUTOMATIONS = st.builds(
    Automation,
    name=WORDS.filter(lambda name: not name.isdecimal()),
    dbio=DBIOS,
    template=st.builds(Template, subject=TEXTS, html=TEXTS, text=st.none() | TEXTS),
    policies=POLICIES,
    owner=st.none() | st.just("crm-team@example.co.kr"),
    schedules=st.lists(SCHEDULES, max_size=3).map(tuple),
)
STATEMENT = Automation(
    name="월간 명세서",
    dbio=Dbio(
        source="crm",
        target="SELECT CUST_ID, EMAIL\n  FROM CUSTOMER\n WHERE NAME <> '\"\"\"' AND CODE = '\\d'",
        key="CUST_ID",
        email="EMAIL",
        update="UPDATE CUSTOMER SET SENT_AT = :SENT_AT WHERE CUST_ID = :CUST_ID",
    ),
    template=Template("$(CUST_NAME)님, 명세서", "<p>$(CUST_NAME)님</p>\r\n", "$(CUST_NAME)님\n"),
    policies=Policies("고객센터 <billing@example.co.kr>", ("help@example.co.kr",), (("X-Campaign", "$(MONTH)월"),)),
    schedules=(Schedule(ScheduleKind.MONTHLY, (time(9),), month_days=(1, LAST_DAY), timezone="Asia/Seoul"),),
)
