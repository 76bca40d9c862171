"""Tests that need a database whose clock stands still, or shows a day of their own: a real server's does neither.

They compare the database's times exactly, count on an edge to the microsecond, or fire schedules of a fixed day. What
they hold is the same on every Oracle, for it is in the statements, and the stand-in shows it; on a real server they
are skipped.
"""

NAMES = frozenset(
    {
        # test_account
        "test_a_block_that_was_reserved_ahead_stays_ahead",
        "test_a_database_clock_that_is_set_back_holds_all_slots_until_it_has_caught_up",
        "test_a_pause_is_known_to_all_until_mails_leave_again",
        "test_a_pause_that_nobody_prolongs_is_forgotten",
        "test_a_rate_that_was_lowered_is_known_with_its_age",
        "test_after_a_while_of_idleness_a_block_begins_now_and_what_was_free_meanwhile_is_lost",
        "test_each_account_has_slots_of_its_own",
        "test_how_long_a_pause_still_lasts_is_known_with_the_rates",
        "test_mails_that_are_throttled_together_lower_the_rate_once_in_a_second",
        "test_one_process_asks_ses_and_the_next_only_after_a_while",
        "test_the_first_block_begins_now",
        "test_the_longest_pause_counts",
        "test_what_one_process_cannot_do_is_noted_and_holds_nobody",
        # test_automations
        "test_a_new_automation_is_active_and_is_read_as_it_was_written",
        "test_a_realtime_schedule_of_a_new_automation_fires_as_it_is_saved",
        "test_a_schedule_that_goes_is_never_due_again",
        "test_a_schedule_that_stays_keeps_its_next_run",
        "test_on_resuming_the_last_run_of_the_automation_does_not_go_back",
        "test_on_resuming_what_was_missed_is_past",
        # test_claiming_batches
        "test_in_order_nothing_is_taken_while_anothers_lease_on_the_lowest_lives",
        # test_claiming_jobs
        "test_a_claim_makes_the_job_run_and_says_when_it_started",
        "test_a_lease_holds_until_its_last_microsecond",
        "test_the_start_of_a_job_stays_when_it_is_taken_over_and_is_new_when_it_is_retried",
        # test_enqueueing
        "test_a_job_may_follow_another_within_the_same_microsecond",
        "test_a_person_enqueues_a_job_at_any_time",
        # test_fires
        "test_a_due_schedule_makes_a_job_and_moves_on",
        "test_a_fire_that_has_had_its_job_makes_no_second_one",
        "test_a_realtime_schedule_keeps_its_phase_however_late_it_is",
        "test_a_realtime_schedule_that_another_program_saved_fires_at_the_next_tick",
        "test_a_run_that_is_due_while_a_job_is_active_is_skipped_and_logged",
        "test_a_run_that_is_late_fires_within_the_misfire_grace_and_is_skipped_past_it",
        "test_a_schedule_is_due_from_its_next_run_on",
        "test_an_automation_that_somebody_has_locked_is_tried_again_later",
        "test_each_automation_fires_for_itself",
        "test_of_many_missed_runs_only_the_latest_fires",
        "test_of_two_schedules_that_are_due_together_one_makes_the_job",
        "test_runs_skipped_again_are_counted_and_not_repeated_within_a_day",
        "test_the_time_to_the_next_run_is_that_of_the_nearest_schedule",
        "test_two_schedulers_at_once_make_one_job",
        # test_held_back
        "test_only_jobs_that_started_within_the_window_hold_back",
        "test_what_was_settled_after_this_job_had_started_may_not_have_been_seen_by_its_target_query",
        # test_jobs
        "test_what_happens_again_in_a_job_is_counted_and_not_repeated",
        # test_ledger
        "test_a_mail_that_is_sent_has_its_id_its_time_and_its_update_due",
        "test_an_attempt_begins_with_sending_and_its_time",
        "test_the_time_of_sending_is_set_once",
        # test_purging
        "test_an_unknown_keeps_its_list_while_an_event_may_settle_it",
        "test_row_data_goes_alone_and_once",
        "test_a_job_is_old_when_it_ended_so_long_ago",
        "test_an_old_job_loses_list_batches_minutes_and_log_and_keeps_its_row",
        # test_settling
        "test_the_policy_sends_again_what_has_been_unknown_for_the_grace_time",
        "test_what_was_sent_is_sent_and_its_update_query_is_due",
        # test_settling_by_absence
        "test_it_is_waited_for_until_it_is_older_than_so_and_so",
        "test_the_grace_time_counts_from_when_it_became_unknown",
        # test_suppressions
        "test_addresses_are_kept_once_in_lower_case_with_reason_and_time",
        # test_workers
        "test_a_process_that_is_silent_for_long_is_not_alive",
        "test_a_process_that_signs_in_is_alive",
        "test_who_was_silent_for_more_than_a_day_is_forgotten_when_the_next_signs_in",
    }
)
