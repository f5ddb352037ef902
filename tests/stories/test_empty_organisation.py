"""An organisation that has no orders yet: the first one is met in the next tick."""

from tests.stories.conftest import MakeWorld

INSIDE = True


def test_the_first_order_is_not_left_to_the_next_sweep(make_world: MakeWorld) -> None:
    world = make_world(orders=0)
    for _ in range(2):
        world.once()
    world.twin.people.add(title="Pump 3 leaks", status="ASSIGNED")
    assert world.once()["created"] == 1


def test_an_organisation_whose_orders_are_all_deleted_is_read_on(make_world: MakeWorld) -> None:
    world = make_world(orders=0)
    gone = world.twin.people.add(title="Pump 3 leaks", status="ASSIGNED")
    world.once()
    world.settle()
    world.twin.people.delete(gone)
    for _ in range(3):
        world.once("--full")
    world.twin.people.add(title="Pump 4 leaks", status="ASSIGNED")
    assert world.once()["created"] == 1
