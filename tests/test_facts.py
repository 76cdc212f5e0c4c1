"""`make facts`: the list of facts, and how docstrings name them."""

from tests import facts


def test_every_fact_stands_in_the_list_once() -> None:
    known = facts.facts()
    runs = {"IB-": 71, "IR-": 14, "CV-": 42, "AG-": 22, "PS-": 15, "K": 27, "N": 24, "M": 20}
    assert list(known) == [f"{prefix}{number:02}" for prefix, last in runs.items() for number in range(1, last + 1)]
    assert all(known.values())


def test_a_docstring_may_name_a_run_of_facts() -> None:
    assert list(facts.named_in("CV-31, CV-32")) == ["CV-31", "CV-32"]
    assert list(facts.named_in("CV-04..06 and K01..K02; T14, UTF-16")) == ["CV-04", "CV-05", "CV-06", "K01", "K02"]


def test_only_the_docstrings_of_tests_count() -> None:
    source = '"""CV-01"""\ndef helper():\n    """CV-02"""\ndef test_something():\n    """CV-03"""\n    x = "CV-04"  # CV-05\n'
    assert facts.shown(source) == {"CV-03": ["test_something"]}
