"""Deliveries as csv files: what is taken in, what is put aside, and that nothing in a file is ever an error."""

import csv
import io
import re
import tracemalloc
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from hypothesis import given, settings, strategies as st

from config import ROOT
from integrations import billing_feed
from integrations.billing_feed import Contract, Invoice, Line, Meter, PutAside, Reading, Record, Vat
from integrations.billing_feed.csv import LAYOUTS

CONTRACTS = "payer_code;customer_name;address\n"
READINGS = "payer_code;meter;read_on;value\n"
INVOICES = "number;payer_code;issued_on;total;line_name;line_quantity;line_unit;line_unit_price;line_net;line_vat_rate\n"
PDF = b"%PDF-1.7 a small document"


def read(folder: Path, *contents: str | bytes) -> list[Record]:
    """What the feed says of these files."""
    for number, content in enumerate(contents):
        (folder / f"{number}.csv").write_bytes(content if isinstance(content, bytes) else content.encode())
    return list(billing_feed.of("csv", folder).records())


def reasons(records: list[Record]) -> list[tuple[str, str]]:
    """Kind and reference of what was put aside; every reason can be said."""
    asides = [record for record in records if isinstance(record, PutAside)]
    assert all(str(aside).endswith((".", ")")) for aside in asides)
    return [(aside.kind, aside.reference) for aside in asides]


# ---- what is read -----------------------------------------------------------------------------------------------------


def test_a_contract_a_meter_a_reading_and_a_bill_are_read(tmp_path: Path) -> None:
    """CV-12, PS-14, IB-68"""
    records = read(
        tmp_path,
        "payer_code;meter;read_on;value;kind;provider\n001;KV1_241;2026-10-31;1204,5;hot-water;300000000\n",
        "number;payer_code;provider;kind;customer_name;address;issued_on;due_on;period_from;period_to;currency;net;vat;total;prepaid;"
        "rounding;payable;outstanding;reference;iban;refers_to;revised_at;note;line_name;line_quantity;line_unit;line_unit_price;"
        "line_base_quantity;line_net;line_vat_rate;line_vat_category\n"
        'A-1;001;300000000;invoice;Ona Pavyzdienė;"Ąžuolų g. 5-12; Pavyzdžiai";2026.10.31;2026-11-20;2026-10-01;2026-10-31;EUR;20,00;3,78;'
        "23,78;1,00;0,02;22,80;10,00;0012345;LT01;A-0;2026-11-01 09:30;Ačiū;Karštas vanduo;3,456;m³;4,050000;1;14,00;21;S\n"
        "A-1;;;;;;;;;;;;;;;;;;;;;;;Aptarnavimas;1;mo.;48;12;4,00;21;S\n"
        "A-1;;;;;;;;;;;;;;;;;;;;;;;Fondas;;;;;2,00;0;E\n",
        "payer_code;meter;kind;place;unit;decimals;installed_on;removed_on;provider\n001;KV1_241;hot-water;Nr. 1;m³;3;2024-01-02;;300000000\n",
        "payer_code;provider;customer_name;address;building;premises;opened_on;ended_on\n"
        "001;300000000;Ona Pavyzdienė;Ąžuolų g. 5-12;Ąžuolų g. 5;12;2024-01-01;2026-12-31\n",
    )
    assert records == [
        Contract(
            payer_code="001",
            provider="300000000",
            customer_name="Ona Pavyzdienė",
            address="Ąžuolų g. 5-12",
            building="Ąžuolų g. 5",
            premises="12",
            opened_on=date(2024, 1, 1),
            ended_on=date(2026, 12, 31),
        ),
        Meter(
            payer_code="001",
            number="KV1_241",
            kind="hot-water",
            place="Nr. 1",
            unit="m³",
            decimals=3,
            installed_on=date(2024, 1, 2),
            provider="300000000",
        ),
        Invoice(
            number="A-1",
            payer_code="001",
            provider="300000000",
            customer_name="Ona Pavyzdienė",
            address="Ąžuolų g. 5-12; Pavyzdžiai",
            issued_on=date(2026, 10, 31),
            due_on=date(2026, 11, 20),
            period_from=date(2026, 10, 1),
            period_to=date(2026, 10, 31),
            net_cents=20_00,
            vat_cents=3_78,
            total_cents=23_78,
            prepaid_cents=1_00,
            rounding_cents=2,
            payable_cents=22_80,
            outstanding_cents=10_00,
            reference="0012345",
            iban="LT01",
            refers_to="A-0",
            revised_at=datetime(2026, 11, 1, 7, 30, tzinfo=UTC),
            lines=(
                Line(
                    name="Karštas vanduo",
                    quantity_milli=3_456,
                    unit="m³",
                    unit_price_micro=4_050_000,
                    net_cents=14_00,
                    vat_rate=21_00,
                    vat_category="S",
                ),
                Line(
                    name="Aptarnavimas",
                    quantity_milli=1_000,
                    unit="mo.",
                    unit_price_micro=48_000_000,
                    base_quantity_milli=12_000,
                    net_cents=4_00,
                    vat_rate=21_00,
                    vat_category="S",
                ),
                Line(name="Fondas", net_cents=2_00, vat_rate=0, vat_category="E"),
            ),
            vat=(Vat("S", 21_00, 18_00, 3_78), Vat("E", 0, 2_00, 0)),
            note="Ačiū",
        ),
        Reading(
            meter="KV1_241", payer_code="001", read_on=date(2026, 10, 31), value_milli=1_204_500, provider="300000000", kind="hot-water"
        ),
    ]


def test_contracts_come_before_meters_before_bills_before_readings_whatever_the_files_are_called(tmp_path: Path) -> None:
    records = read(
        tmp_path,
        READINGS + "001;1;2026-10-31;1\n",
        INVOICES + "A;001;2026-10-31;1;;;;;;\n",
        "payer_code;meter;kind\n001;1;heat\n",
        CONTRACTS + "001;Ona;\n",
        CONTRACTS + "002;Petras;\n",
    )
    assert [type(record) for record in records] == [Contract, Contract, Meter, Invoice, Reading]


@pytest.mark.parametrize("code", ["007", " 00-1 2 ", "-1", "1-", "00 1", "1.0", "ą/Ž", '"7"', "\u00a01"])
def test_a_payer_code_is_kept_byte_for_byte(tmp_path: Path, code: str) -> None:
    """CV-13"""
    written = io.StringIO()
    csv.writer(written, delimiter=";").writerow([code, "Ona", ""])
    (contract,) = read(tmp_path, CONTRACTS + written.getvalue())
    assert isinstance(contract, Contract)
    assert contract.payer_code == code


def test_other_cells_lose_the_spaces_around_them(tmp_path: Path) -> None:
    (contract,) = read(tmp_path, "payer_code ; Customer_Name;address\n1;  Ona Žalė ; \n")
    assert contract == Contract(payer_code="1", customer_name="Ona Žalė")


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "cp1257"])
@pytest.mark.parametrize("separator", [";", ",", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_encoding_separator_and_line_ends_are_found_out(tmp_path: Path, encoding: str, separator: str, end: str) -> None:
    rows = [["payer_code", "customer_name", "address"], ["1", "Žydrūnė Šėž; „Ąžuolas“", "Gatvė, 1"], ["2", "Ignė", ""]]
    written = io.StringIO()
    csv.writer(written, delimiter=separator, lineterminator=end).writerows(rows)
    first, second = read(tmp_path, written.getvalue().encode(encoding))
    assert first == Contract(payer_code="1", customer_name="Žydrūnė Šėž; „Ąžuolas“", address="Gatvė, 1")
    assert second == Contract(payer_code="2", customer_name="Ignė")


def test_decimals_may_have_a_comma_or_a_dot(tmp_path: Path) -> None:
    records = read(tmp_path, READINGS + "1;1;2026-10-31;12,5\n1;1;2026-10-31;12.5\n1;1;2026-10-31;12\n1;1;2026-10-31;0\n")
    assert [record.value_milli for record in records if isinstance(record, Reading)] == [12_500, 12_500, 12_000, 0]


def test_empty_rows_and_empty_columns_at_the_end_are_passed_over(tmp_path: Path) -> None:
    records = read(tmp_path, "payer_code;customer_name;address;;\n\n1;Ona;;;\n;;;;\n  ; ;;;\n2;Petras;;;\n  \n")
    assert [record.payer_code for record in records if isinstance(record, Contract)] == ["1", "2"]
    assert reasons(records) == []


# ---- amounts ----------------------------------------------------------------------------------------------------------


def test_what_a_bill_does_not_say_follows_from_what_it_says(tmp_path: Path) -> None:
    with_lines, without = read(tmp_path, INVOICES + "A;1;2026-10-31;24,20;Vanduo;1;m³;20;20,00;21\nB;1;2026-10-31;7;;;;;;\n")
    assert isinstance(with_lines, Invoice)
    assert isinstance(without, Invoice)
    assert (with_lines.net_cents, with_lines.vat_cents, with_lines.payable_cents) == (20_00, 4_20, 24_20)
    assert (without.net_cents, without.vat_cents, without.payable_cents, without.lines) == (7_00, 0, 7_00, ())


TOTALS = "number;payer_code;issued_on;total;net;vat;prepaid;rounding;payable;line_name;line_net;line_vat_rate;line_vat\n"
WRONG_SUMS = {
    "lines": ("BR-CO-10", "A;1;2026-10-31;24,20;20,00;4,20;;;;Vanduo;19,99;21;\n"),
    "VAT": ("BR-CO-14", "A;1;2026-10-31;24,21;20,00;4,21;;;;Vanduo;20,00;21;\n"),
    "total": ("BR-CO-15", "A;1;2026-10-31;24,21;20,00;4,20;;;;Vanduo;20,00;21;\n"),
    "total that is computed": ("BR-CO-15", "A;1;2026-10-31;24,21;;;;;;Vanduo;20,00;21;\n"),
    "total without lines": ("BR-CO-15", "A;1;2026-10-31;24,21;20,00;4,20;;;;;;;\n"),
    "to pay": ("BR-CO-16", "A;1;2026-10-31;24,20;20,00;4,20;4,20;0,01;20,00;Vanduo;20,00;21;\n"),
    "VAT of a line": ("BR-CO-17", "A;1;2026-10-31;24,22;20,00;4,22;;;;Vanduo;20,00;21;4,22\n"),
    "a line without its amount": ("missing", "A;1;2026-10-31;24,20;20,00;4,20;;;;Vanduo;;21;\n"),
}


@pytest.mark.parametrize("case", WRONG_SUMS)
def test_a_bill_whose_amounts_do_not_add_up_is_put_aside_by_the_rules_name(tmp_path: Path, case: str) -> None:
    rule, rows = WRONG_SUMS[case]
    records = read(tmp_path, TOTALS + rows + "B;1;2026-10-31;1;;;;;;;;;\n")
    assert reasons(records) == [(rule, "0.csv: A")]
    assert isinstance(records[-1], Invoice)


def test_vat_may_be_rounded_line_by_line(tmp_path: Path) -> None:
    three = "A;1;2026-10-31;0,06;0,06;0,00;;;;Vanduo;0,02;21;0,00\n" + 2 * "A;;;;;;;;;Vanduo;0,02;21;0,00\n"
    (got,) = read(tmp_path, TOTALS + three)
    assert isinstance(got, Invoice)
    assert got.vat == (Vat("S", 21_00, 6, 0),)
    assert reasons(read(tmp_path, TOTALS + three.replace("0,00\n", "\n"))) == [("BR-CO-14", "0.csv: A")]


def test_a_credit_note_is_written_without_a_minus(tmp_path: Path) -> None:
    header = "kind;number;payer_code;issued_on;total;refers_to\n"
    good, bad = read(tmp_path, f"{header}credit_note;K1;1;2026-10-31;5;A\ncredit_note;K2;1;2026-10-31;-5;A\n")
    assert isinstance(good, Invoice)
    assert (good.kind, good.total_cents, good.refers_to) == ("credit_note", 5_00, "A")
    assert isinstance(bad, PutAside)
    assert bad.kind == "sign"


# ---- wrong cells and rows ---------------------------------------------------------------------------------------------

CELLS = {
    "1 204": ("number", READINGS, "1;1;2026-10-31;{}"),
    "1\u00a0204": ("number", READINGS, "1;1;2026-10-31;{}"),
    "1.204,5": ("number", READINGS, "1;1;2026-10-31;{}"),
    "1e3": ("number", READINGS, "1;1;2026-10-31;{}"),
    "١٢": ("number", READINGS, "1;1;2026-10-31;{}"),
    "+1": ("number", READINGS, "1;1;2026-10-31;{}"),
    "-1": ("number", READINGS, "1;1;2026-10-31;{}"),
    "9999999999999": ("number", READINGS, "1;1;2026-10-31;{}"),
    "1,2045": ("decimals", READINGS, "1;1;2026-10-31;{}"),
    "": ("missing", READINGS, "1;1;2026-10-31;{}"),
    "2026-02-29": ("date", READINGS, "1;1;{};1"),
    "31.10.2026": ("date", READINGS, "1;1;{};1"),
    "2026-10.31": ("date", READINGS, "1;1;{};1"),
    "20261031": ("date", READINGS, "1;1;{};1"),
    "1026-10-31": ("date", READINGS, "1;1;{};1"),
    "x" * 41: ("length", READINGS, "1;{};2026-10-31;1"),
    "  ": ("missing", READINGS, "{};1;2026-10-31;1"),
    "10,001": ("decimals", INVOICES, "A;1;2026-10-31;{};;;;;;"),
    "101": ("number", INVOICES, "A;1;2026-10-31;1;Vanduo;;;;1;{}"),
    "Hot water": ("word", "payer_code;meter;kind\n", "1;1;{}"),
    "4": ("number", "payer_code;meter;kind;decimals\n", "1;1;heat;{}"),
    "USD": ("word", "number;payer_code;issued_on;total;currency\n", "A;1;2026-10-31;1;{}"),
    "bill": ("word", "number;payer_code;issued_on;total;kind\n", "A;1;2026-10-31;1;{}"),
    "yesterday": ("date", "number;payer_code;issued_on;total;revised_at\n", "A;1;2026-10-31;1;{}"),
    "0001-01-01 00:00+14:00": ("date", "number;payer_code;issued_on;total;revised_at\n", "A;1;2026-10-31;1;{}"),
    "../a.pdf": ("pdf", "number;payer_code;issued_on;total;pdf\n", "A;1;2026-10-31;1;{}"),
    "0": ("number", INVOICES.replace("line_unit_price", "line_base_quantity"), "A;1;2026-10-31;1;Vanduo;1;;{};1;0"),
}


@pytest.mark.parametrize("value", CELLS)
def test_a_wrong_cell_is_put_aside_with_file_row_and_column_and_the_rest_goes_on(tmp_path: Path, value: str) -> None:
    kind, header, row = CELLS[value]
    good = row.format({"kind": "heat"}.get(header.strip().rpartition(";")[2], "2026-10-31" if kind == "date" else "1"))
    column = header.strip().split(";")[row.split(";").index("{}")]
    records = read(tmp_path, header + row.format(value) + "\n")
    (aside,) = records
    assert isinstance(aside, PutAside)
    assert (aside.kind, aside.reference, aside.facts["column"]) == (kind, "0.csv:2", column)
    assert str(aside).startswith("0.csv, row 2")
    assert column in str(aside)
    if column in ("value", "meter", "read_on"):
        assert isinstance(read(tmp_path, f"{header}{row.format(value)}\n{good}\n")[-1], Reading)


ROWS = {
    "too few values": ("row", b"1;1\n"),
    "too many values": ("row", b"1;1;2026-10-31;1;x\n"),
    "an open quote": ("row", b'1;"1;2026-10-31;1\n'),
    "text after a quote": ("row", b'1;"1"x;2026-10-31;1\n'),
    "the header again": ("row", READINGS.encode()),
    "a NUL byte": ("row", b"1;1\0;2026-10-31;1\n"),
    "a field of 10 MB": ("row", b"1;" + b"x" * 10_000_000 + b";2026-10-31;1\n"),
}


@pytest.mark.parametrize("case", ROWS)
def test_a_row_that_cannot_be_read_is_put_aside_and_the_rest_goes_on(tmp_path: Path, case: str) -> None:
    kind, row = ROWS[case]
    records = read(tmp_path, READINGS.encode() + b"1;1;2026-10-30;1\n" + row + b"1;1;2026-10-31;2\n")
    assert reasons(records) == [(kind, "0.csv:3")]
    assert [record.value_milli for record in records if isinstance(record, Reading)] == [1_000, 2_000]


def test_what_ends_before_it_begins_is_put_aside(tmp_path: Path) -> None:
    records = read(tmp_path, "payer_code;customer_name;opened_on;ended_on\n1;Ona;2026-02-01;2026-01-31\n")
    assert [str(record) for record in records] == ["0.csv, row 2: ended_on must not be before opened_on."]


def test_a_bill_with_one_unreadable_row_is_not_taken_in_but_the_next_is(tmp_path: Path) -> None:
    rows = "A;1;2026-10-31;24,20;Vanduo;1;m³;20;20,00;21\n{}\nA;;;;Fondas;;;;0,00;21\nB;1;2026-10-31;1;;;;;;\n"
    for bad in ('A;;;;"Vanduo;;;;0,00;21', "A;;;;Vanduo;;;;x;21", "A;2;;;Vanduo;;;;0,00;21"):
        records = read(tmp_path, INVOICES + rows.format(bad))
        assert set(reasons(records)) == {("number" if ";x;" in bad else "row", "0.csv:3"), ("row", "0.csv: A")}
        assert [record.number for record in records if isinstance(record, Invoice)] == ["B"]


def test_an_unreadable_row_between_two_bills_spoils_neither(tmp_path: Path) -> None:
    records = read(tmp_path, INVOICES + "A;1;2026-10-31;1;;;;;;\n???\nB;1;2026-10-31;1;;;;;;\n")
    assert reasons(records) == [("row", "0.csv:3")]
    assert [record.number for record in records if isinstance(record, Invoice)] == ["A", "B"]


def test_a_file_cut_off_in_its_last_row_gives_all_rows_but_that(tmp_path: Path) -> None:
    whole = READINGS + "1;1;2026-10-30;12\n1;1;2026-10-31;1204\n"
    for missing in range(1, 5):
        records = read(tmp_path, whole[:-missing])
        assert reasons(records) == [("cut", "0.csv:3")]
        assert [record.value_milli for record in records if isinstance(record, Reading)] == [12_000]


def test_a_file_cut_off_inside_a_letter_is_still_utf_8(tmp_path: Path) -> None:
    records = read(tmp_path, (CONTRACTS + "1;Žydrė;\n2;Aistė").encode()[:-1])
    assert records[0] == Contract(payer_code="1", customer_name="Žydrė")
    assert reasons(records) == [("cut", "0.csv:3")]


def test_a_bill_cut_off_in_its_last_row_is_not_taken_in(tmp_path: Path) -> None:
    records = read(tmp_path, INVOICES + "A;1;2026-10-31;24,20;Vanduo;1;m³;20;20,00;21\nA;;;;Fondas;;;;0,00;21")
    assert reasons(records) == [("cut", "0.csv:3"), ("row", "0.csv: A")]


# ---- wrong files ------------------------------------------------------------------------------------------------------

FILES = {
    "empty": ("header", b""),
    "an empty first row": ("header", b"\n1;2\n"),
    "an unknown header": ("header", b"name;surname\nOna;Zale\n"),
    "one column": ("header", b"payer_code\n1\n"),
    "an unknown column": ("header", b"payer_code;customer_name;adress\n1;Ona;x\n"),
    "a missing column": ("header", b"payer_code;meter;read_on\n1;1;2026-10-31\n"),
    "a column twice": ("header", b"payer_code;customer_name;customer_name\n1;Ona;Ona\n"),
    "a header with an open quote": ("header", b'payer_code;"customer_name\n'),
    "UTF-16": ("charset", "payer_code;customer_name\n1;Žydrė\n".encode("utf-16")),
    "neither UTF-8 nor cp1257": ("charset", b"payer_code;customer_name\n1;\x81\n"),
    "damaged UTF-8": ("charset", "payer_code;customer_name\n1;Žydrė Šėž\n".encode() + b"2;\xfe\n"),
    "a spreadsheet": ("header", b"PK\x03\x04" + bytes(range(256))),
}


@pytest.mark.parametrize("case", FILES)
def test_a_file_that_cannot_be_read_is_put_aside_and_stops_no_other(tmp_path: Path, case: str) -> None:
    kind, content = FILES[case]
    records = read(tmp_path, content, CONTRACTS + "1;Ona;\n")
    (reason, reference) = reasons(records)[0]
    assert (reason if case != "a spreadsheet" else kind, reference) == (kind, "0.csv")
    assert records[-1] == Contract(payer_code="1", customer_name="Ona")
    assert len(records) == 2


def test_a_header_alone_is_a_day_without_records(tmp_path: Path) -> None:
    assert read(tmp_path, CONTRACTS, READINGS.strip()) == []


# ---- documents --------------------------------------------------------------------------------------------------------

WITH_PDF = "number;payer_code;issued_on;total;pdf\nA;1;2026-10-31;1;a.pdf\n"


def test_a_pdf_beside_the_table_comes_with_the_bill(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(PDF)
    (got,) = read(tmp_path, WITH_PDF)
    assert isinstance(got, Invoice)
    assert (got.pdf, got.pdf_name) == (PDF, "a.pdf")


@pytest.mark.parametrize("beside", ["nothing", "text", "folder", "link"])
def test_a_pdf_that_is_none_is_put_aside_and_the_bill_still_comes(tmp_path: Path, beside: str) -> None:
    path = tmp_path / "a.pdf"
    if beside == "text":
        path.write_text("<script>")
    elif beside == "folder":
        path.mkdir()
    elif beside == "link":
        (tmp_path / "elsewhere").write_bytes(PDF)
        path.symlink_to(tmp_path / "elsewhere")
    records = read(tmp_path, WITH_PDF)
    assert reasons(records) == [("pdf", "0.csv: A")]
    assert isinstance(records[-1], Invoice)
    assert records[-1].pdf is None


# ---- whatever comes ---------------------------------------------------------------------------------------------------


@settings(max_examples=80, deadline=None)
@given(st.sampled_from(list(LAYOUTS)), st.sampled_from([";", ",", "\t"]), st.data())
def test_no_bytes_after_any_header_are_an_error(
    tmp_path_factory: pytest.TempPathFactory, layout: str, separator: str, data: st.DataObject
) -> None:
    folder = tmp_path_factory.getbasetemp() / "any"
    folder.mkdir(exist_ok=True)
    names = [column.name for column in LAYOUTS[layout]]
    cell = st.sampled_from(["", "1", "A", "2026-10-31", "1,5", "-1", '"', "heat", "invoice", " ", "\0", "ž", "9" * 14]) | st.text(
        max_size=5
    )
    rows = data.draw(st.lists(st.lists(cell, min_size=len(names), max_size=len(names)), max_size=4))
    text = "\n".join(separator.join(row) for row in [names, *rows])
    tail = data.draw(st.binary(max_size=30))
    records = read(folder, text.encode("utf-8", "replace") + b"\n" + tail)
    for record in records:
        assert str(record)
        assert billing_feed.from_json(billing_feed.to_json(record)) == record
        if isinstance(record, Invoice):
            assert record.net_cents + record.vat_cents == record.total_cents
            assert record.payable_cents == record.total_cents - record.prepaid_cents + record.rounding_cents


@settings(max_examples=100, deadline=None)
@given(st.binary(max_size=200))
def test_no_bytes_at_all_are_an_error(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    folder = tmp_path_factory.getbasetemp() / "bytes"
    folder.mkdir(exist_ok=True)
    assert all(isinstance(record, PutAside) for record in read(folder, content))


def test_a_long_file_is_never_held_in_memory(tmp_path: Path) -> None:
    rows = 4_000
    with (tmp_path / "long.csv").open("w") as file:
        file.write(INVOICES)
        for number in range(rows):
            file.write(f"A{number};1;2026-10-31;24,20;Vanduo;1;m³;20;20,00;21\n")
    tracemalloc.start()
    try:
        assert sum(isinstance(record, Invoice) for record in billing_feed.of("csv", tmp_path).records()) == rows
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 2_500_000  # all records of the file are 4.7 MB


# ---- records ----------------------------------------------------------------------------------------------------------


def test_a_record_survives_being_stored_and_its_digest_tells_of_every_change(tmp_path: Path) -> None:
    (tmp_path / "a.pdf").write_bytes(PDF)
    (got,) = read(tmp_path, WITH_PDF)
    (moved,) = read(tmp_path, WITH_PDF.replace("2026-10-31", "2026-10-30"))
    again = billing_feed.from_json(billing_feed.to_json(got))
    assert again == got
    assert billing_feed.digest(again) == billing_feed.digest(got)
    assert billing_feed.digest(moved) != billing_feed.digest(got)


def test_an_organisation_without_a_billing_system_has_no_records_and_another_system_is_refused(tmp_path: Path) -> None:
    assert list(billing_feed.of("nothing", tmp_path).records()) == []
    with pytest.raises(ValueError, match="no billing feed called 'fax'"):
        billing_feed.of("fax", tmp_path)


# ---- what its makers read ---------------------------------------------------------------------------------------------

GUIDE = (ROOT / "docs" / "billing-feed.md").read_text()


def test_the_guide_names_every_column_and_marks_those_that_are_required() -> None:
    for layout in LAYOUTS.values():
        for column in layout:
            assert (f"**`{column.name}`**" if column.required else f"`{column.name}`") in GUIDE, column.name


def test_the_examples_of_the_guide_are_taken_in_whole(tmp_path: Path) -> None:
    examples = re.findall(r"```csv\n(.*?)```", GUIDE, re.S)
    records = read(tmp_path, *examples)
    assert reasons(records) == []
    assert [type(record) for record in records] == [Contract, Contract, Meter, Invoice, Invoice, Reading]


def test_the_guide_explains_every_reason_that_can_be_given() -> None:
    sources = "".join(path.read_text() for path in (ROOT / "integrations" / "billing_feed").glob("*.py"))
    kinds = set(re.findall(r'Trouble\(\s*"([A-Za-z0-9-]+)"', sources)) | set(re.findall(r'agree\(\s*"([A-Z0-9-]+)"', sources))
    assert len(kinds) > 20
    for kind in kinds:
        assert f"`{kind}`" in GUIDE, kind
