from oad.workers.formatters.table import FILE, TABLE


def test_every_formatter_is_given_its_file() -> None:
    assert [each.name for each in TABLE if FILE not in each.command] == []
    assert len({each.name for each in TABLE}) == len(TABLE)
    assert all(extension.startswith(".") for each in TABLE for extension in each.extensions)
