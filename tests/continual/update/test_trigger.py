"""When an update is due."""

from profilestream.continual.update.trigger import Trigger, TriggerOptions

OPTIONS = TriggerOptions(labels=10, seconds=1000.0, cool_down=100.0)


def test_enough_labels_are_a_reason() -> None:
    """Nine are not, ten are; after the update counting begins again."""
    trigger = Trigger(OPTIONS, 0.0)
    trigger.feedback(9)
    assert trigger.due(1.0) is None
    trigger.feedback()
    assert trigger.due(1.0) == "10 new labels"
    trigger.ran(1.0)
    assert trigger.due(500.0) is None


def test_drift_is_a_reason_until_it_is_over() -> None:
    """An alarm that went by itself needs no update."""
    trigger = Trigger(OPTIONS, 0.0)
    trigger.drift("new topics")
    assert trigger.due(1.0) == "drift: new topics"
    trigger.calm()
    assert trigger.due(1.0) is None


def test_time_is_a_reason_only_with_feedback() -> None:
    """Without a new label there is nothing to learn, however long it was."""
    trigger = Trigger(OPTIONS, 0.0)
    assert trigger.due(5000.0) is None
    trigger.feedback()
    assert trigger.due(999.0) is None
    assert trigger.due(3600.0) == "1 new labels since 1 hours"


def test_nothing_is_due_while_the_last_update_cools_down() -> None:
    """Alarms and labels wait; what came meanwhile counts afterwards."""
    trigger = Trigger(OPTIONS, 0.0, last=-50.0)
    trigger.drift("new topics")
    trigger.feedback(50)
    assert trigger.due(49.0) is None
    assert trigger.due(50.0) == "drift: new topics"
