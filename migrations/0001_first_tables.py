"""The first tables, as both engines spell them, and the triggers that let nobody change what has happened (M01)."""

# ruff: noqa: E501
from typing import Any

SQLITE = """
CREATE TABLE "organisation" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "slug" VARCHAR(40) NOT NULL, "host" VARCHAR(120), "name" VARCHAR(120) NOT NULL, "phone" VARCHAR(40) NOT NULL, "email" VARCHAR(120) NOT NULL, "brand" VARCHAR(7) NOT NULL, "is_active" INTEGER NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL);
CREATE UNIQUE INDEX "organisation_public_id" ON "organisation" ("public_id");
CREATE UNIQUE INDEX "organisation_slug" ON "organisation" ("slug");
CREATE UNIQUE INDEX "organisation_host" ON "organisation" ("host");
CREATE INDEX "organisation_sort_key_id" ON "organisation" ("sort_key", "id");
CREATE TABLE "provider" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "name" VARCHAR(120) NOT NULL, "code" VARCHAR(40) NOT NULL, "vat_code" VARCHAR(20) NOT NULL, "address" VARCHAR(200) NOT NULL, "iban" VARCHAR(34) NOT NULL, "declares_readings" INTEGER NOT NULL, "readings_notice" VARCHAR(400) NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "provider_public_id" ON "provider" ("public_id");
CREATE UNIQUE INDEX "provider_organisation_id_code" ON "provider" ("organisation_id", "code");
CREATE UNIQUE INDEX "provider_organisation_id_name" ON "provider" ("organisation_id", "name");
CREATE INDEX "provider_organisation_id_sort_key_id" ON "provider" ("organisation_id", "sort_key", "id");
CREATE INDEX "provider_sort_key_id" ON "provider" ("sort_key", "id");
CREATE TABLE "setting" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "name" VARCHAR(60) NOT NULL, "value" TEXT NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "setting_public_id" ON "setting" ("public_id");
CREATE UNIQUE INDEX "setting_organisation_id_name" ON "setting" ("organisation_id", "name");
CREATE TABLE "account" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "email" VARCHAR(254) NOT NULL, "email_key" VARCHAR(254) NOT NULL, "email_confirmed_at" DATETIME, "identity_confirmed_at" DATETIME, "person_type" VARCHAR(10) NOT NULL, "name" VARCHAR(200) NOT NULL, "phone" VARCHAR(20) NOT NULL, "language" VARCHAR(2) NOT NULL, "password_hash" VARCHAR(200) NOT NULL, "created_at" DATETIME NOT NULL, "last_seen_at" DATETIME, "locked_until" DATETIME, "search_key" VARCHAR(500) NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "account_public_id" ON "account" ("public_id");
CREATE UNIQUE INDEX "account_organisation_id_email_key" ON "account" ("organisation_id", "email_key");
CREATE INDEX "account_organisation_id_sort_key_id" ON "account" ("organisation_id", "sort_key", "id");
CREATE INDEX "account_sort_key_id" ON "account" ("sort_key", "id");
CREATE INDEX "account_organisation_id_locked_until_id" ON "account" ("organisation_id", "locked_until", "id");
CREATE INDEX "account_locked_until_id" ON "account" ("locked_until", "id");
CREATE INDEX "account_organisation_id_created_at_id" ON "account" ("organisation_id", "created_at", "id");
CREATE INDEX "account_created_at_id" ON "account" ("created_at", "id");
CREATE INDEX "account_email_key" ON "account" ("email_key");
CREATE TABLE "staff" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER, "email" VARCHAR(254) NOT NULL, "email_key" VARCHAR(254) NOT NULL, "name" VARCHAR(120) NOT NULL, "role" VARCHAR(20) NOT NULL, "language" VARCHAR(2) NOT NULL, "is_active" INTEGER NOT NULL, "password_hash" VARCHAR(200) NOT NULL, "totp_secret" VARCHAR(64) NOT NULL, "totp_last_step" INTEGER NOT NULL, "locked_until" DATETIME, "created_at" DATETIME NOT NULL, "last_seen_at" DATETIME, "search_key" VARCHAR(400) NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, CHECK (role <> 'property_manager' OR organisation_id IS NOT NULL));
CREATE UNIQUE INDEX "staff_public_id" ON "staff" ("public_id");
CREATE INDEX "staff_organisation_id" ON "staff" ("organisation_id");
CREATE UNIQUE INDEX "staff_email_key" ON "staff" ("email_key");
CREATE INDEX "staff_organisation_id_sort_key_id" ON "staff" ("organisation_id", "sort_key", "id");
CREATE INDEX "staff_sort_key_id" ON "staff" ("sort_key", "id");
CREATE TABLE "session" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "digest" VARCHAR(64) NOT NULL, "account_id" INTEGER, "staff_id" INTEGER, "device" VARCHAR(200) NOT NULL, "created_at" DATETIME NOT NULL, "last_seen_at" DATETIME NOT NULL, "expires_at" DATETIME NOT NULL, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE CASCADE, CHECK ((account_id IS NULL) <> (staff_id IS NULL)));
CREATE UNIQUE INDEX "session_public_id" ON "session" ("public_id");
CREATE UNIQUE INDEX "session_digest" ON "session" ("digest");
CREATE INDEX "session_account_id" ON "session" ("account_id");
CREATE INDEX "session_staff_id" ON "session" ("staff_id");
CREATE INDEX "session_expires_at" ON "session" ("expires_at");
CREATE TABLE "device" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "digest" VARCHAR(64) NOT NULL, "account_id" INTEGER, "staff_id" INTEGER, "last_used_at" DATETIME NOT NULL, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE CASCADE, CHECK ((account_id IS NULL) <> (staff_id IS NULL)));
CREATE UNIQUE INDEX "device_public_id" ON "device" ("public_id");
CREATE UNIQUE INDEX "device_digest" ON "device" ("digest");
CREATE INDEX "device_account_id" ON "device" ("account_id");
CREATE INDEX "device_staff_id" ON "device" ("staff_id");
CREATE TABLE "lockout" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "login_digest" VARCHAR(64) NOT NULL, "source_digest" VARCHAR(64) NOT NULL, "account_id" INTEGER, "staff_id" INTEGER, "failures" INTEGER NOT NULL, "window_ends_at" DATETIME NOT NULL, "locked_until" DATETIME, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE CASCADE, CHECK (failures >= 0));
CREATE UNIQUE INDEX "lockout_public_id" ON "lockout" ("public_id");
CREATE INDEX "lockout_account_id" ON "lockout" ("account_id");
CREATE INDEX "lockout_staff_id" ON "lockout" ("staff_id");
CREATE UNIQUE INDEX "lockout_login_digest_source_digest" ON "lockout" ("login_digest", "source_digest");
CREATE TABLE "counter" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "key_digest" VARCHAR(64) NOT NULL, "count" INTEGER NOT NULL, "window_ends_at" DATETIME NOT NULL, CHECK (count >= 0));
CREATE UNIQUE INDEX "counter_public_id" ON "counter" ("public_id");
CREATE UNIQUE INDEX "counter_key_digest" ON "counter" ("key_digest");
CREATE INDEX "counter_window_ends_at" ON "counter" ("window_ends_at");
CREATE TABLE "confirmation" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "purpose" VARCHAR(20) NOT NULL, "organisation_id" INTEGER, "account_id" INTEGER, "staff_id" INTEGER, "address" VARCHAR(254) NOT NULL, "digest" VARCHAR(64) NOT NULL, "code_digest" VARCHAR(64), "tries" INTEGER NOT NULL, "facts" TEXT NOT NULL, "created_at" DATETIME NOT NULL, "expires_at" DATETIME NOT NULL, "used_at" DATETIME, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE CASCADE, CHECK (tries >= 0));
CREATE UNIQUE INDEX "confirmation_public_id" ON "confirmation" ("public_id");
CREATE INDEX "confirmation_organisation_id" ON "confirmation" ("organisation_id");
CREATE INDEX "confirmation_account_id" ON "confirmation" ("account_id");
CREATE INDEX "confirmation_staff_id" ON "confirmation" ("staff_id");
CREATE UNIQUE INDEX "confirmation_digest" ON "confirmation" ("digest");
CREATE INDEX "confirmation_expires_at" ON "confirmation" ("expires_at");
CREATE INDEX "confirmation_organisation_id_address_purpose" ON "confirmation" ("organisation_id", "address", "purpose");
CREATE TABLE "consent_text" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "kind" VARCHAR(40) NOT NULL, "edition" INTEGER NOT NULL, "text_lt" TEXT NOT NULL, "text_en" TEXT NOT NULL, "url" VARCHAR(300) NOT NULL, "is_required" INTEGER NOT NULL, "is_current" INTEGER NOT NULL, "position" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "consent_text_public_id" ON "consent_text" ("public_id");
CREATE UNIQUE INDEX "consent_text_organisation_id_kind_edition" ON "consent_text" ("organisation_id", "kind", "edition");
CREATE TABLE "consent" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "text_id" INTEGER NOT NULL, "given_at" DATETIME NOT NULL, "withdrawn_at" DATETIME, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("text_id") REFERENCES "consent_text" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "consent_public_id" ON "consent" ("public_id");
CREATE INDEX "consent_account_id" ON "consent" ("account_id");
CREATE TABLE "building" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "provider_id" INTEGER NOT NULL, "address" VARCHAR(200) NOT NULL, "search_key" VARCHAR(255) NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("provider_id") REFERENCES "provider" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "building_public_id" ON "building" ("public_id");
CREATE UNIQUE INDEX "building_organisation_id_address" ON "building" ("organisation_id", "address");
CREATE INDEX "building_organisation_id_sort_key_id" ON "building" ("organisation_id", "sort_key", "id");
CREATE INDEX "building_sort_key_id" ON "building" ("sort_key", "id");
CREATE TABLE "staff_building" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "staff_id" INTEGER NOT NULL, "building_id" INTEGER NOT NULL, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE CASCADE, FOREIGN KEY ("building_id") REFERENCES "building" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "staff_building_public_id" ON "staff_building" ("public_id");
CREATE INDEX "staff_building_building_id" ON "staff_building" ("building_id");
CREATE UNIQUE INDEX "staff_building_staff_id_building_id" ON "staff_building" ("staff_id", "building_id");
CREATE TABLE "premises" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "building_id" INTEGER NOT NULL, "number" VARCHAR(20) NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("building_id") REFERENCES "building" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "premises_public_id" ON "premises" ("public_id");
CREATE UNIQUE INDEX "premises_building_id_number" ON "premises" ("building_id", "number");
CREATE INDEX "premises_organisation_id_sort_key_id" ON "premises" ("organisation_id", "sort_key", "id");
CREATE INDEX "premises_sort_key_id" ON "premises" ("sort_key", "id");
CREATE TABLE "sync_run" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "feed" VARCHAR(10) NOT NULL, "started_at" DATETIME NOT NULL, "finished_at" DATETIME, "lease_until" DATETIME, "seen" INTEGER NOT NULL, "created" INTEGER NOT NULL, "changed" INTEGER NOT NULL, "same" INTEGER NOT NULL, "problems" INTEGER NOT NULL, "error" VARCHAR(500) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "sync_run_public_id" ON "sync_run" ("public_id");
CREATE INDEX "sync_run_organisation_id_started_at_id" ON "sync_run" ("organisation_id", "started_at", "id");
CREATE INDEX "sync_run_started_at_id" ON "sync_run" ("started_at", "id");
CREATE TABLE "sync_problem" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "run_id" INTEGER NOT NULL, "kind" VARCHAR(40) NOT NULL, "reference" VARCHAR(200) NOT NULL, "reference_digest" VARCHAR(64) NOT NULL, "message" VARCHAR(400) NOT NULL, "facts" TEXT NOT NULL, "record" TEXT, "seen_at" DATETIME NOT NULL, "resolved_at" DATETIME, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("run_id") REFERENCES "sync_run" ("id") ON DELETE CASCADE);
CREATE UNIQUE INDEX "sync_problem_public_id" ON "sync_problem" ("public_id");
CREATE INDEX "sync_problem_run_id" ON "sync_problem" ("run_id");
CREATE UNIQUE INDEX "sync_problem_organisation_id_reference_digest" ON "sync_problem" ("organisation_id", "reference_digest");
CREATE INDEX "sync_problem_organisation_id_resolved_at_seen_at_id" ON "sync_problem" ("organisation_id", "resolved_at", "seen_at", "id");
CREATE INDEX "sync_problem_organisation_id_seen_at_id" ON "sync_problem" ("organisation_id", "seen_at", "id");
CREATE INDEX "sync_problem_seen_at_id" ON "sync_problem" ("seen_at", "id");
CREATE INDEX "sync_problem_resolved_at_seen_at_id" ON "sync_problem" ("resolved_at", "seen_at", "id");
CREATE TABLE "contract" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "provider_id" INTEGER NOT NULL, "building_id" INTEGER, "premises_id" INTEGER, "payer_code" VARCHAR(60) NOT NULL, "payer_code_key" VARCHAR(60) NOT NULL, "customer_name" VARCHAR(200) NOT NULL, "address" VARCHAR(250) NOT NULL, "opened_on" DATE, "ended_on" DATE, "run_id" INTEGER, "search_key" VARCHAR(600) NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("provider_id") REFERENCES "provider" ("id") ON DELETE RESTRICT, FOREIGN KEY ("building_id") REFERENCES "building" ("id") ON DELETE RESTRICT, FOREIGN KEY ("premises_id") REFERENCES "premises" ("id") ON DELETE RESTRICT, FOREIGN KEY ("run_id") REFERENCES "sync_run" ("id") ON DELETE SET NULL);
CREATE UNIQUE INDEX "contract_public_id" ON "contract" ("public_id");
CREATE INDEX "contract_premises_id" ON "contract" ("premises_id");
CREATE UNIQUE INDEX "contract_provider_id_payer_code" ON "contract" ("provider_id", "payer_code");
CREATE UNIQUE INDEX "contract_provider_id_payer_code_key" ON "contract" ("provider_id", "payer_code_key");
CREATE INDEX "contract_organisation_id_payer_code_id" ON "contract" ("organisation_id", "payer_code", "id");
CREATE INDEX "contract_payer_code_id" ON "contract" ("payer_code", "id");
CREATE INDEX "contract_organisation_id_sort_key_id" ON "contract" ("organisation_id", "sort_key", "id");
CREATE INDEX "contract_sort_key_id" ON "contract" ("sort_key", "id");
CREATE INDEX "contract_building_id_sort_key_id" ON "contract" ("building_id", "sort_key", "id");
CREATE TABLE "access_type" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "name" VARCHAR(40) NOT NULL, "deeds" TEXT NOT NULL, "position" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "access_type_public_id" ON "access_type" ("public_id");
CREATE UNIQUE INDEX "access_type_organisation_id_name" ON "access_type" ("organisation_id", "name");
CREATE TABLE "membership" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "contract_id" INTEGER NOT NULL, "access_type_id" INTEGER NOT NULL, "since_at" DATETIME NOT NULL, "until_at" DATETIME, "granted_by" VARCHAR(200) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT, FOREIGN KEY ("access_type_id") REFERENCES "access_type" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "membership_public_id" ON "membership" ("public_id");
CREATE INDEX "membership_account_id" ON "membership" ("account_id");
CREATE INDEX "membership_contract_id" ON "membership" ("contract_id");
CREATE INDEX "membership_organisation_id_since_at_id" ON "membership" ("organisation_id", "since_at", "id");
CREATE INDEX "membership_since_at_id" ON "membership" ("since_at", "id");
CREATE UNIQUE INDEX "membership_live" ON "membership" ("account_id", "contract_id") WHERE ("until_at" IS NULL);
CREATE TABLE "meter_kind" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "code" VARCHAR(30) NOT NULL, "name_lt" VARCHAR(80) NOT NULL, "name_en" VARCHAR(80) NOT NULL, "unit" VARCHAR(10) NOT NULL, "decimals" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, CHECK (decimals BETWEEN 0 AND 3));
CREATE UNIQUE INDEX "meter_kind_public_id" ON "meter_kind" ("public_id");
CREATE UNIQUE INDEX "meter_kind_organisation_id_code" ON "meter_kind" ("organisation_id", "code");
CREATE TABLE "meter" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "contract_id" INTEGER NOT NULL, "building_id" INTEGER, "kind_id" INTEGER NOT NULL, "number" VARCHAR(40) NOT NULL, "place" VARCHAR(80) NOT NULL, "installed_on" DATE, "removed_on" DATE, "search_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT, FOREIGN KEY ("building_id") REFERENCES "building" ("id") ON DELETE RESTRICT, FOREIGN KEY ("kind_id") REFERENCES "meter_kind" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "meter_public_id" ON "meter" ("public_id");
CREATE INDEX "meter_contract_id" ON "meter" ("contract_id");
CREATE UNIQUE INDEX "meter_organisation_id_kind_id_number" ON "meter" ("organisation_id", "kind_id", "number");
CREATE INDEX "meter_organisation_id_number_id" ON "meter" ("organisation_id", "number", "id");
CREATE INDEX "meter_number_id" ON "meter" ("number", "id");
CREATE INDEX "meter_building_id_number_id" ON "meter" ("building_id", "number", "id");
CREATE TABLE "reading" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "meter_id" INTEGER NOT NULL, "contract_id" INTEGER NOT NULL, "building_id" INTEGER, "value_milli" INTEGER NOT NULL, "previous_milli" INTEGER, "read_on" DATE NOT NULL, "period" VARCHAR(7) NOT NULL, "source" VARCHAR(10) NOT NULL, "is_current" INTEGER NOT NULL, "reference" VARCHAR(20) NOT NULL, "account_id" INTEGER, "recorded_at" DATETIME NOT NULL, "run_id" INTEGER, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("meter_id") REFERENCES "meter" ("id") ON DELETE RESTRICT, FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT, FOREIGN KEY ("building_id") REFERENCES "building" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE SET NULL, FOREIGN KEY ("run_id") REFERENCES "sync_run" ("id") ON DELETE SET NULL, CHECK (value_milli >= 0));
CREATE UNIQUE INDEX "reading_public_id" ON "reading" ("public_id");
CREATE INDEX "reading_meter_id_read_on_id" ON "reading" ("meter_id", "read_on", "id");
CREATE INDEX "reading_contract_id_read_on_id" ON "reading" ("contract_id", "read_on", "id");
CREATE INDEX "reading_organisation_id_read_on_id" ON "reading" ("organisation_id", "read_on", "id");
CREATE INDEX "reading_read_on_id" ON "reading" ("read_on", "id");
CREATE INDEX "reading_building_id_read_on_id" ON "reading" ("building_id", "read_on", "id");
CREATE UNIQUE INDEX "reading_current" ON "reading" ("meter_id", "period") WHERE "is_current";
CREATE TABLE "invoice" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "provider_id" INTEGER NOT NULL, "contract_id" INTEGER NOT NULL, "building_id" INTEGER, "kind" VARCHAR(12) NOT NULL, "number" VARCHAR(60) NOT NULL, "issued_on" DATE NOT NULL, "due_on" DATE, "period_from" DATE, "period_to" DATE, "net_cents" INTEGER NOT NULL, "vat_cents" INTEGER NOT NULL, "total_cents" INTEGER NOT NULL, "prepaid_cents" INTEGER NOT NULL, "rounding_cents" INTEGER NOT NULL, "payable_cents" INTEGER NOT NULL, "outstanding_cents" INTEGER NOT NULL, "payment_reference" VARCHAR(60) NOT NULL, "iban" VARCHAR(34) NOT NULL, "refers_to" VARCHAR(60) NOT NULL, "note" TEXT NOT NULL, "buyer_name" VARCHAR(200) NOT NULL, "buyer_address" VARCHAR(250) NOT NULL, "pdf_digest" VARCHAR(64) NOT NULL, "content_digest" VARCHAR(64) NOT NULL, "revised_at" DATETIME, "run_id" INTEGER, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("provider_id") REFERENCES "provider" ("id") ON DELETE RESTRICT, FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT, FOREIGN KEY ("building_id") REFERENCES "building" ("id") ON DELETE RESTRICT, FOREIGN KEY ("run_id") REFERENCES "sync_run" ("id") ON DELETE SET NULL, CHECK (total_cents = net_cents + vat_cents), CHECK (payable_cents = total_cents - prepaid_cents + rounding_cents));
CREATE UNIQUE INDEX "invoice_public_id" ON "invoice" ("public_id");
CREATE UNIQUE INDEX "invoice_provider_id_kind_number" ON "invoice" ("provider_id", "kind", "number");
CREATE INDEX "invoice_contract_id_issued_on_id" ON "invoice" ("contract_id", "issued_on", "id");
CREATE INDEX "invoice_organisation_id_issued_on_id" ON "invoice" ("organisation_id", "issued_on", "id");
CREATE INDEX "invoice_issued_on_id" ON "invoice" ("issued_on", "id");
CREATE INDEX "invoice_building_id_issued_on_id" ON "invoice" ("building_id", "issued_on", "id");
CREATE INDEX "invoice_organisation_id_number_id" ON "invoice" ("organisation_id", "number", "id");
CREATE INDEX "invoice_number_id" ON "invoice" ("number", "id");
CREATE TABLE "invoice_line" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "invoice_id" INTEGER NOT NULL, "position" INTEGER NOT NULL, "name" VARCHAR(300) NOT NULL, "quantity_milli" INTEGER, "unit" VARCHAR(20) NOT NULL, "unit_price_micro" INTEGER, "base_quantity_milli" INTEGER NOT NULL, "net_cents" INTEGER NOT NULL, "vat_rate" INTEGER, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE CASCADE);
CREATE UNIQUE INDEX "invoice_line_public_id" ON "invoice_line" ("public_id");
CREATE UNIQUE INDEX "invoice_line_invoice_id_position" ON "invoice_line" ("invoice_id", "position");
CREATE TABLE "invoice_vat" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER NOT NULL, "invoice_id" INTEGER NOT NULL, "category" VARCHAR(10) NOT NULL, "rate" INTEGER, "base_cents" INTEGER NOT NULL, "vat_cents" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE CASCADE);
CREATE UNIQUE INDEX "invoice_vat_public_id" ON "invoice_vat" ("public_id");
CREATE INDEX "invoice_vat_invoice_id_category_rate" ON "invoice_vat" ("invoice_id", "category", "rate");
CREATE TABLE "seal" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "first_event_id" INTEGER NOT NULL, "last_event_id" INTEGER NOT NULL, "count" INTEGER NOT NULL, "previous_hash" VARCHAR(64) NOT NULL, "events_digest" VARCHAR(64) NOT NULL, "hash" VARCHAR(64) NOT NULL, "signature" VARCHAR(64) NOT NULL, "sealed_at" DATETIME NOT NULL);
CREATE UNIQUE INDEX "seal_public_id" ON "seal" ("public_id");
CREATE UNIQUE INDEX "seal_hash" ON "seal" ("hash");
CREATE UNIQUE INDEX "seal_previous_hash" ON "seal" ("previous_hash");
CREATE TABLE "event" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER, "building_id" INTEGER, "name" VARCHAR(60) NOT NULL, "at" DATETIME NOT NULL, "actor" VARCHAR(60) NOT NULL, "subject" VARCHAR(60) NOT NULL, "account_id" INTEGER, "facts" TEXT, "salt" VARCHAR(32), "digest" VARCHAR(64) NOT NULL, "seal_id" INTEGER, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("building_id") REFERENCES "building" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE SET NULL, FOREIGN KEY ("seal_id") REFERENCES "seal" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "event_public_id" ON "event" ("public_id");
CREATE INDEX "event_seal_id" ON "event" ("seal_id");
CREATE INDEX "event_organisation_id_id" ON "event" ("organisation_id", "id");
CREATE INDEX "event_organisation_id_name_id" ON "event" ("organisation_id", "name", "id");
CREATE INDEX "event_name_id" ON "event" ("name", "id");
CREATE INDEX "event_account_id_id" ON "event" ("account_id", "id");
CREATE INDEX "event_subject_id" ON "event" ("subject", "id");
CREATE INDEX "event_building_id_id" ON "event" ("building_id", "id");
CREATE TABLE "message" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "organisation_id" INTEGER, "kind" VARCHAR(40) NOT NULL, "account_id" INTEGER, "to" VARCHAR(254) NOT NULL, "name" VARCHAR(200) NOT NULL, "language" VARCHAR(2) NOT NULL, "facts" TEXT NOT NULL, "dedupe_key" VARCHAR(120) NOT NULL, "lane" INTEGER NOT NULL, "state" VARCHAR(10) NOT NULL, "created_at" DATETIME NOT NULL, "next_at" DATETIME NOT NULL, "lease_until" DATETIME, "tries" INTEGER NOT NULL, "error" VARCHAR(300) NOT NULL, "sent_at" DATETIME, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE SET NULL);
CREATE UNIQUE INDEX "message_public_id" ON "message" ("public_id");
CREATE INDEX "message_account_id" ON "message" ("account_id");
CREATE UNIQUE INDEX "message_dedupe_key" ON "message" ("dedupe_key");
CREATE INDEX "message_state_lane_next_at_id" ON "message" ("state", "lane", "next_at", "id");
CREATE INDEX "message_organisation_id_created_at_id" ON "message" ("organisation_id", "created_at", "id");
CREATE INDEX "message_organisation_id_state_created_at_id" ON "message" ("organisation_id", "state", "created_at", "id");
CREATE INDEX "message_state_created_at_id" ON "message" ("state", "created_at", "id");
CREATE INDEX "message_created_at_id" ON "message" ("created_at", "id");
CREATE TABLE "form_key" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "actor" VARCHAR(60) NOT NULL, "key" VARCHAR(40) NOT NULL, "request_digest" VARCHAR(64) NOT NULL, "location" TEXT NOT NULL, "created_at" DATETIME NOT NULL);
CREATE UNIQUE INDEX "form_key_public_id" ON "form_key" ("public_id");
CREATE INDEX "form_key_created_at" ON "form_key" ("created_at");
CREATE UNIQUE INDEX "form_key_actor_key" ON "form_key" ("actor", "key");
CREATE TABLE "job_run" ("id" INTEGER NOT NULL PRIMARY KEY, "public_id" TEXT NOT NULL, "name" VARCHAR(40) NOT NULL, "period" VARCHAR(20) NOT NULL, "lease_until" DATETIME NOT NULL, "started_at" DATETIME NOT NULL, "finished_at" DATETIME);
CREATE UNIQUE INDEX "job_run_public_id" ON "job_run" ("public_id");
CREATE UNIQUE INDEX "job_run_name_period" ON "job_run" ("name", "period");
"""

POSTGRESQL = """
CREATE TABLE "organisation" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "slug" VARCHAR(40) NOT NULL, "host" VARCHAR(120), "name" VARCHAR(120) NOT NULL, "phone" VARCHAR(40) NOT NULL, "email" VARCHAR(120) NOT NULL, "brand" VARCHAR(7) NOT NULL, "is_active" BOOLEAN NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL);
CREATE UNIQUE INDEX "organisation_public_id" ON "organisation" ("public_id");
CREATE UNIQUE INDEX "organisation_slug" ON "organisation" ("slug");
CREATE UNIQUE INDEX "organisation_host" ON "organisation" ("host");
CREATE INDEX "organisation_sort_key_id" ON "organisation" ("sort_key", "id");
CREATE TABLE "provider" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "name" VARCHAR(120) NOT NULL, "code" VARCHAR(40) NOT NULL, "vat_code" VARCHAR(20) NOT NULL, "address" VARCHAR(200) NOT NULL, "iban" VARCHAR(34) NOT NULL, "declares_readings" BOOLEAN NOT NULL, "readings_notice" VARCHAR(400) NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "provider_public_id" ON "provider" ("public_id");
CREATE UNIQUE INDEX "provider_organisation_id_code" ON "provider" ("organisation_id", "code");
CREATE UNIQUE INDEX "provider_organisation_id_name" ON "provider" ("organisation_id", "name");
CREATE INDEX "provider_organisation_id_sort_key_id" ON "provider" ("organisation_id", "sort_key", "id");
CREATE INDEX "provider_sort_key_id" ON "provider" ("sort_key", "id");
CREATE TABLE "setting" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "name" VARCHAR(60) NOT NULL, "value" TEXT NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "setting_public_id" ON "setting" ("public_id");
CREATE UNIQUE INDEX "setting_organisation_id_name" ON "setting" ("organisation_id", "name");
CREATE TABLE "account" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "email" VARCHAR(254) NOT NULL, "email_key" VARCHAR(254) NOT NULL, "email_confirmed_at" TIMESTAMP, "identity_confirmed_at" TIMESTAMP, "person_type" VARCHAR(10) NOT NULL, "name" VARCHAR(200) NOT NULL, "phone" VARCHAR(20) NOT NULL, "language" VARCHAR(2) NOT NULL, "password_hash" VARCHAR(200) NOT NULL, "created_at" TIMESTAMP NOT NULL, "last_seen_at" TIMESTAMP, "locked_until" TIMESTAMP, "search_key" VARCHAR(500) NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "account_public_id" ON "account" ("public_id");
CREATE UNIQUE INDEX "account_organisation_id_email_key" ON "account" ("organisation_id", "email_key");
CREATE INDEX "account_organisation_id_sort_key_id" ON "account" ("organisation_id", "sort_key", "id");
CREATE INDEX "account_sort_key_id" ON "account" ("sort_key", "id");
CREATE INDEX "account_organisation_id_locked_until_id" ON "account" ("organisation_id", "locked_until", "id");
CREATE INDEX "account_locked_until_id" ON "account" ("locked_until", "id");
CREATE INDEX "account_organisation_id_created_at_id" ON "account" ("organisation_id", "created_at", "id");
CREATE INDEX "account_created_at_id" ON "account" ("created_at", "id");
CREATE INDEX "account_email_key" ON "account" ("email_key");
CREATE TABLE "staff" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER, "email" VARCHAR(254) NOT NULL, "email_key" VARCHAR(254) NOT NULL, "name" VARCHAR(120) NOT NULL, "role" VARCHAR(20) NOT NULL, "language" VARCHAR(2) NOT NULL, "is_active" BOOLEAN NOT NULL, "password_hash" VARCHAR(200) NOT NULL, "totp_secret" VARCHAR(64) NOT NULL, "totp_last_step" BIGINT NOT NULL, "locked_until" TIMESTAMP, "created_at" TIMESTAMP NOT NULL, "last_seen_at" TIMESTAMP, "search_key" VARCHAR(400) NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, CHECK (role <> 'property_manager' OR organisation_id IS NOT NULL));
CREATE UNIQUE INDEX "staff_public_id" ON "staff" ("public_id");
CREATE INDEX "staff_organisation_id" ON "staff" ("organisation_id");
CREATE UNIQUE INDEX "staff_email_key" ON "staff" ("email_key");
CREATE INDEX "staff_organisation_id_sort_key_id" ON "staff" ("organisation_id", "sort_key", "id");
CREATE INDEX "staff_sort_key_id" ON "staff" ("sort_key", "id");
CREATE TABLE "session" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "digest" VARCHAR(64) NOT NULL, "account_id" INTEGER, "staff_id" INTEGER, "device" VARCHAR(200) NOT NULL, "created_at" TIMESTAMP NOT NULL, "last_seen_at" TIMESTAMP NOT NULL, "expires_at" TIMESTAMP NOT NULL, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE CASCADE, CHECK ((account_id IS NULL) <> (staff_id IS NULL)));
CREATE UNIQUE INDEX "session_public_id" ON "session" ("public_id");
CREATE UNIQUE INDEX "session_digest" ON "session" ("digest");
CREATE INDEX "session_account_id" ON "session" ("account_id");
CREATE INDEX "session_staff_id" ON "session" ("staff_id");
CREATE INDEX "session_expires_at" ON "session" ("expires_at");
CREATE TABLE "device" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "digest" VARCHAR(64) NOT NULL, "account_id" INTEGER, "staff_id" INTEGER, "last_used_at" TIMESTAMP NOT NULL, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE CASCADE, CHECK ((account_id IS NULL) <> (staff_id IS NULL)));
CREATE UNIQUE INDEX "device_public_id" ON "device" ("public_id");
CREATE UNIQUE INDEX "device_digest" ON "device" ("digest");
CREATE INDEX "device_account_id" ON "device" ("account_id");
CREATE INDEX "device_staff_id" ON "device" ("staff_id");
CREATE TABLE "lockout" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "login_digest" VARCHAR(64) NOT NULL, "source_digest" VARCHAR(64) NOT NULL, "account_id" INTEGER, "staff_id" INTEGER, "failures" INTEGER NOT NULL, "window_ends_at" TIMESTAMP NOT NULL, "locked_until" TIMESTAMP, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE CASCADE, CHECK (failures >= 0));
CREATE UNIQUE INDEX "lockout_public_id" ON "lockout" ("public_id");
CREATE INDEX "lockout_account_id" ON "lockout" ("account_id");
CREATE INDEX "lockout_staff_id" ON "lockout" ("staff_id");
CREATE UNIQUE INDEX "lockout_login_digest_source_digest" ON "lockout" ("login_digest", "source_digest");
CREATE TABLE "counter" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "key_digest" VARCHAR(64) NOT NULL, "count" INTEGER NOT NULL, "window_ends_at" TIMESTAMP NOT NULL, CHECK (count >= 0));
CREATE UNIQUE INDEX "counter_public_id" ON "counter" ("public_id");
CREATE UNIQUE INDEX "counter_key_digest" ON "counter" ("key_digest");
CREATE INDEX "counter_window_ends_at" ON "counter" ("window_ends_at");
CREATE TABLE "confirmation" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "purpose" VARCHAR(20) NOT NULL, "organisation_id" INTEGER, "account_id" INTEGER, "staff_id" INTEGER, "address" VARCHAR(254) NOT NULL, "digest" VARCHAR(64) NOT NULL, "code_digest" VARCHAR(64), "tries" INTEGER NOT NULL, "facts" TEXT NOT NULL, "created_at" TIMESTAMP NOT NULL, "expires_at" TIMESTAMP NOT NULL, "used_at" TIMESTAMP, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE CASCADE, CHECK (tries >= 0));
CREATE UNIQUE INDEX "confirmation_public_id" ON "confirmation" ("public_id");
CREATE INDEX "confirmation_organisation_id" ON "confirmation" ("organisation_id");
CREATE INDEX "confirmation_account_id" ON "confirmation" ("account_id");
CREATE INDEX "confirmation_staff_id" ON "confirmation" ("staff_id");
CREATE UNIQUE INDEX "confirmation_digest" ON "confirmation" ("digest");
CREATE INDEX "confirmation_expires_at" ON "confirmation" ("expires_at");
CREATE INDEX "confirmation_organisation_id_address_purpose" ON "confirmation" ("organisation_id", "address", "purpose");
CREATE TABLE "consent_text" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "kind" VARCHAR(40) NOT NULL, "edition" INTEGER NOT NULL, "text_lt" TEXT NOT NULL, "text_en" TEXT NOT NULL, "url" VARCHAR(300) NOT NULL, "is_required" BOOLEAN NOT NULL, "is_current" BOOLEAN NOT NULL, "position" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "consent_text_public_id" ON "consent_text" ("public_id");
CREATE UNIQUE INDEX "consent_text_organisation_id_kind_edition" ON "consent_text" ("organisation_id", "kind", "edition");
CREATE TABLE "consent" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "text_id" INTEGER NOT NULL, "given_at" TIMESTAMP NOT NULL, "withdrawn_at" TIMESTAMP, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("text_id") REFERENCES "consent_text" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "consent_public_id" ON "consent" ("public_id");
CREATE INDEX "consent_account_id" ON "consent" ("account_id");
CREATE TABLE "building" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "provider_id" INTEGER NOT NULL, "address" VARCHAR(200) NOT NULL, "search_key" VARCHAR(255) NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("provider_id") REFERENCES "provider" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "building_public_id" ON "building" ("public_id");
CREATE UNIQUE INDEX "building_organisation_id_address" ON "building" ("organisation_id", "address");
CREATE INDEX "building_organisation_id_sort_key_id" ON "building" ("organisation_id", "sort_key", "id");
CREATE INDEX "building_sort_key_id" ON "building" ("sort_key", "id");
CREATE TABLE "staff_building" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "staff_id" INTEGER NOT NULL, "building_id" INTEGER NOT NULL, FOREIGN KEY ("staff_id") REFERENCES "staff" ("id") ON DELETE CASCADE, FOREIGN KEY ("building_id") REFERENCES "building" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "staff_building_public_id" ON "staff_building" ("public_id");
CREATE INDEX "staff_building_building_id" ON "staff_building" ("building_id");
CREATE UNIQUE INDEX "staff_building_staff_id_building_id" ON "staff_building" ("staff_id", "building_id");
CREATE TABLE "premises" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "building_id" INTEGER NOT NULL, "number" VARCHAR(20) NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("building_id") REFERENCES "building" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "premises_public_id" ON "premises" ("public_id");
CREATE UNIQUE INDEX "premises_building_id_number" ON "premises" ("building_id", "number");
CREATE INDEX "premises_organisation_id_sort_key_id" ON "premises" ("organisation_id", "sort_key", "id");
CREATE INDEX "premises_sort_key_id" ON "premises" ("sort_key", "id");
CREATE TABLE "sync_run" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "feed" VARCHAR(10) NOT NULL, "started_at" TIMESTAMP NOT NULL, "finished_at" TIMESTAMP, "lease_until" TIMESTAMP, "seen" INTEGER NOT NULL, "created" INTEGER NOT NULL, "changed" INTEGER NOT NULL, "same" INTEGER NOT NULL, "problems" INTEGER NOT NULL, "error" VARCHAR(500) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "sync_run_public_id" ON "sync_run" ("public_id");
CREATE INDEX "sync_run_organisation_id_started_at_id" ON "sync_run" ("organisation_id", "started_at", "id");
CREATE INDEX "sync_run_started_at_id" ON "sync_run" ("started_at", "id");
CREATE TABLE "sync_problem" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "run_id" INTEGER NOT NULL, "kind" VARCHAR(40) NOT NULL, "reference" VARCHAR(200) NOT NULL, "reference_digest" VARCHAR(64) NOT NULL, "message" VARCHAR(400) NOT NULL, "facts" TEXT NOT NULL, "record" TEXT, "seen_at" TIMESTAMP NOT NULL, "resolved_at" TIMESTAMP, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("run_id") REFERENCES "sync_run" ("id") ON DELETE CASCADE);
CREATE UNIQUE INDEX "sync_problem_public_id" ON "sync_problem" ("public_id");
CREATE INDEX "sync_problem_run_id" ON "sync_problem" ("run_id");
CREATE UNIQUE INDEX "sync_problem_organisation_id_reference_digest" ON "sync_problem" ("organisation_id", "reference_digest");
CREATE INDEX "sync_problem_organisation_id_resolved_at_seen_at_id" ON "sync_problem" ("organisation_id", "resolved_at", "seen_at", "id");
CREATE INDEX "sync_problem_organisation_id_seen_at_id" ON "sync_problem" ("organisation_id", "seen_at", "id");
CREATE INDEX "sync_problem_seen_at_id" ON "sync_problem" ("seen_at", "id");
CREATE INDEX "sync_problem_resolved_at_seen_at_id" ON "sync_problem" ("resolved_at", "seen_at", "id");
CREATE TABLE "contract" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "provider_id" INTEGER NOT NULL, "building_id" INTEGER, "premises_id" INTEGER, "payer_code" VARCHAR(60) NOT NULL, "payer_code_key" VARCHAR(60) NOT NULL, "customer_name" VARCHAR(200) NOT NULL, "address" VARCHAR(250) NOT NULL, "opened_on" DATE, "ended_on" DATE, "run_id" INTEGER, "search_key" VARCHAR(600) NOT NULL, "sort_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("provider_id") REFERENCES "provider" ("id") ON DELETE RESTRICT, FOREIGN KEY ("building_id") REFERENCES "building" ("id") ON DELETE RESTRICT, FOREIGN KEY ("premises_id") REFERENCES "premises" ("id") ON DELETE RESTRICT, FOREIGN KEY ("run_id") REFERENCES "sync_run" ("id") ON DELETE SET NULL);
CREATE UNIQUE INDEX "contract_public_id" ON "contract" ("public_id");
CREATE INDEX "contract_premises_id" ON "contract" ("premises_id");
CREATE UNIQUE INDEX "contract_provider_id_payer_code" ON "contract" ("provider_id", "payer_code");
CREATE UNIQUE INDEX "contract_provider_id_payer_code_key" ON "contract" ("provider_id", "payer_code_key");
CREATE INDEX "contract_organisation_id_payer_code_id" ON "contract" ("organisation_id", "payer_code", "id");
CREATE INDEX "contract_payer_code_id" ON "contract" ("payer_code", "id");
CREATE INDEX "contract_organisation_id_sort_key_id" ON "contract" ("organisation_id", "sort_key", "id");
CREATE INDEX "contract_sort_key_id" ON "contract" ("sort_key", "id");
CREATE INDEX "contract_building_id_sort_key_id" ON "contract" ("building_id", "sort_key", "id");
CREATE TABLE "access_type" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "name" VARCHAR(40) NOT NULL, "deeds" TEXT NOT NULL, "position" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "access_type_public_id" ON "access_type" ("public_id");
CREATE UNIQUE INDEX "access_type_organisation_id_name" ON "access_type" ("organisation_id", "name");
CREATE TABLE "membership" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "account_id" INTEGER NOT NULL, "contract_id" INTEGER NOT NULL, "access_type_id" INTEGER NOT NULL, "since_at" TIMESTAMP NOT NULL, "until_at" TIMESTAMP, "granted_by" VARCHAR(200) NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE CASCADE, FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT, FOREIGN KEY ("access_type_id") REFERENCES "access_type" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "membership_public_id" ON "membership" ("public_id");
CREATE INDEX "membership_account_id" ON "membership" ("account_id");
CREATE INDEX "membership_contract_id" ON "membership" ("contract_id");
CREATE INDEX "membership_organisation_id_since_at_id" ON "membership" ("organisation_id", "since_at", "id");
CREATE INDEX "membership_since_at_id" ON "membership" ("since_at", "id");
CREATE UNIQUE INDEX "membership_live" ON "membership" ("account_id", "contract_id") WHERE ("until_at" IS NULL);
CREATE TABLE "meter_kind" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "code" VARCHAR(30) NOT NULL, "name_lt" VARCHAR(80) NOT NULL, "name_en" VARCHAR(80) NOT NULL, "unit" VARCHAR(10) NOT NULL, "decimals" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, CHECK (decimals BETWEEN 0 AND 3));
CREATE UNIQUE INDEX "meter_kind_public_id" ON "meter_kind" ("public_id");
CREATE UNIQUE INDEX "meter_kind_organisation_id_code" ON "meter_kind" ("organisation_id", "code");
CREATE TABLE "meter" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "contract_id" INTEGER NOT NULL, "building_id" INTEGER, "kind_id" INTEGER NOT NULL, "number" VARCHAR(40) NOT NULL, "place" VARCHAR(80) NOT NULL, "installed_on" DATE, "removed_on" DATE, "search_key" VARCHAR(255) NOT NULL, "version" INTEGER NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT, FOREIGN KEY ("building_id") REFERENCES "building" ("id") ON DELETE RESTRICT, FOREIGN KEY ("kind_id") REFERENCES "meter_kind" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "meter_public_id" ON "meter" ("public_id");
CREATE INDEX "meter_contract_id" ON "meter" ("contract_id");
CREATE UNIQUE INDEX "meter_organisation_id_kind_id_number" ON "meter" ("organisation_id", "kind_id", "number");
CREATE INDEX "meter_organisation_id_number_id" ON "meter" ("organisation_id", "number", "id");
CREATE INDEX "meter_number_id" ON "meter" ("number", "id");
CREATE INDEX "meter_building_id_number_id" ON "meter" ("building_id", "number", "id");
CREATE TABLE "reading" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "meter_id" INTEGER NOT NULL, "contract_id" INTEGER NOT NULL, "building_id" INTEGER, "value_milli" BIGINT NOT NULL, "previous_milli" BIGINT, "read_on" DATE NOT NULL, "period" VARCHAR(7) NOT NULL, "source" VARCHAR(10) NOT NULL, "is_current" BOOLEAN NOT NULL, "reference" VARCHAR(20) NOT NULL, "account_id" INTEGER, "recorded_at" TIMESTAMP NOT NULL, "run_id" INTEGER, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("meter_id") REFERENCES "meter" ("id") ON DELETE RESTRICT, FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT, FOREIGN KEY ("building_id") REFERENCES "building" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE SET NULL, FOREIGN KEY ("run_id") REFERENCES "sync_run" ("id") ON DELETE SET NULL, CHECK (value_milli >= 0));
CREATE UNIQUE INDEX "reading_public_id" ON "reading" ("public_id");
CREATE INDEX "reading_meter_id_read_on_id" ON "reading" ("meter_id", "read_on", "id");
CREATE INDEX "reading_contract_id_read_on_id" ON "reading" ("contract_id", "read_on", "id");
CREATE INDEX "reading_organisation_id_read_on_id" ON "reading" ("organisation_id", "read_on", "id");
CREATE INDEX "reading_read_on_id" ON "reading" ("read_on", "id");
CREATE INDEX "reading_building_id_read_on_id" ON "reading" ("building_id", "read_on", "id");
CREATE UNIQUE INDEX "reading_current" ON "reading" ("meter_id", "period") WHERE "is_current";
CREATE TABLE "invoice" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "provider_id" INTEGER NOT NULL, "contract_id" INTEGER NOT NULL, "building_id" INTEGER, "kind" VARCHAR(12) NOT NULL, "number" VARCHAR(60) NOT NULL, "issued_on" DATE NOT NULL, "due_on" DATE, "period_from" DATE, "period_to" DATE, "net_cents" BIGINT NOT NULL, "vat_cents" BIGINT NOT NULL, "total_cents" BIGINT NOT NULL, "prepaid_cents" BIGINT NOT NULL, "rounding_cents" BIGINT NOT NULL, "payable_cents" BIGINT NOT NULL, "outstanding_cents" BIGINT NOT NULL, "payment_reference" VARCHAR(60) NOT NULL, "iban" VARCHAR(34) NOT NULL, "refers_to" VARCHAR(60) NOT NULL, "note" TEXT NOT NULL, "buyer_name" VARCHAR(200) NOT NULL, "buyer_address" VARCHAR(250) NOT NULL, "pdf_digest" VARCHAR(64) NOT NULL, "content_digest" VARCHAR(64) NOT NULL, "revised_at" TIMESTAMP, "run_id" INTEGER, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("provider_id") REFERENCES "provider" ("id") ON DELETE RESTRICT, FOREIGN KEY ("contract_id") REFERENCES "contract" ("id") ON DELETE RESTRICT, FOREIGN KEY ("building_id") REFERENCES "building" ("id") ON DELETE RESTRICT, FOREIGN KEY ("run_id") REFERENCES "sync_run" ("id") ON DELETE SET NULL, CHECK (total_cents = net_cents + vat_cents), CHECK (payable_cents = total_cents - prepaid_cents + rounding_cents));
CREATE UNIQUE INDEX "invoice_public_id" ON "invoice" ("public_id");
CREATE UNIQUE INDEX "invoice_provider_id_kind_number" ON "invoice" ("provider_id", "kind", "number");
CREATE INDEX "invoice_contract_id_issued_on_id" ON "invoice" ("contract_id", "issued_on", "id");
CREATE INDEX "invoice_organisation_id_issued_on_id" ON "invoice" ("organisation_id", "issued_on", "id");
CREATE INDEX "invoice_issued_on_id" ON "invoice" ("issued_on", "id");
CREATE INDEX "invoice_building_id_issued_on_id" ON "invoice" ("building_id", "issued_on", "id");
CREATE INDEX "invoice_organisation_id_number_id" ON "invoice" ("organisation_id", "number", "id");
CREATE INDEX "invoice_number_id" ON "invoice" ("number", "id");
CREATE TABLE "invoice_line" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "invoice_id" INTEGER NOT NULL, "position" INTEGER NOT NULL, "name" VARCHAR(300) NOT NULL, "quantity_milli" BIGINT, "unit" VARCHAR(20) NOT NULL, "unit_price_micro" BIGINT, "base_quantity_milli" BIGINT NOT NULL, "net_cents" BIGINT NOT NULL, "vat_rate" INTEGER, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE CASCADE);
CREATE UNIQUE INDEX "invoice_line_public_id" ON "invoice_line" ("public_id");
CREATE UNIQUE INDEX "invoice_line_invoice_id_position" ON "invoice_line" ("invoice_id", "position");
CREATE TABLE "invoice_vat" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER NOT NULL, "invoice_id" INTEGER NOT NULL, "category" VARCHAR(10) NOT NULL, "rate" INTEGER, "base_cents" BIGINT NOT NULL, "vat_cents" BIGINT NOT NULL, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("invoice_id") REFERENCES "invoice" ("id") ON DELETE CASCADE);
CREATE UNIQUE INDEX "invoice_vat_public_id" ON "invoice_vat" ("public_id");
CREATE INDEX "invoice_vat_invoice_id_category_rate" ON "invoice_vat" ("invoice_id", "category", "rate");
CREATE TABLE "seal" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "first_event_id" BIGINT NOT NULL, "last_event_id" BIGINT NOT NULL, "count" INTEGER NOT NULL, "previous_hash" VARCHAR(64) NOT NULL, "events_digest" VARCHAR(64) NOT NULL, "hash" VARCHAR(64) NOT NULL, "signature" VARCHAR(64) NOT NULL, "sealed_at" TIMESTAMP NOT NULL);
CREATE UNIQUE INDEX "seal_public_id" ON "seal" ("public_id");
CREATE UNIQUE INDEX "seal_hash" ON "seal" ("hash");
CREATE UNIQUE INDEX "seal_previous_hash" ON "seal" ("previous_hash");
CREATE TABLE "event" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER, "building_id" INTEGER, "name" VARCHAR(60) NOT NULL, "at" TIMESTAMP NOT NULL, "actor" VARCHAR(60) NOT NULL, "subject" VARCHAR(60) NOT NULL, "account_id" INTEGER, "facts" TEXT, "salt" VARCHAR(32), "digest" VARCHAR(64) NOT NULL, "seal_id" INTEGER, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("building_id") REFERENCES "building" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE SET NULL, FOREIGN KEY ("seal_id") REFERENCES "seal" ("id") ON DELETE RESTRICT);
CREATE UNIQUE INDEX "event_public_id" ON "event" ("public_id");
CREATE INDEX "event_seal_id" ON "event" ("seal_id");
CREATE INDEX "event_organisation_id_id" ON "event" ("organisation_id", "id");
CREATE INDEX "event_organisation_id_name_id" ON "event" ("organisation_id", "name", "id");
CREATE INDEX "event_name_id" ON "event" ("name", "id");
CREATE INDEX "event_account_id_id" ON "event" ("account_id", "id");
CREATE INDEX "event_subject_id" ON "event" ("subject", "id");
CREATE INDEX "event_building_id_id" ON "event" ("building_id", "id");
CREATE TABLE "message" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "organisation_id" INTEGER, "kind" VARCHAR(40) NOT NULL, "account_id" INTEGER, "to" VARCHAR(254) NOT NULL, "name" VARCHAR(200) NOT NULL, "language" VARCHAR(2) NOT NULL, "facts" TEXT NOT NULL, "dedupe_key" VARCHAR(120) NOT NULL, "lane" INTEGER NOT NULL, "state" VARCHAR(10) NOT NULL, "created_at" TIMESTAMP NOT NULL, "next_at" TIMESTAMP NOT NULL, "lease_until" TIMESTAMP, "tries" INTEGER NOT NULL, "error" VARCHAR(300) NOT NULL, "sent_at" TIMESTAMP, FOREIGN KEY ("organisation_id") REFERENCES "organisation" ("id") ON DELETE RESTRICT, FOREIGN KEY ("account_id") REFERENCES "account" ("id") ON DELETE SET NULL);
CREATE UNIQUE INDEX "message_public_id" ON "message" ("public_id");
CREATE INDEX "message_account_id" ON "message" ("account_id");
CREATE UNIQUE INDEX "message_dedupe_key" ON "message" ("dedupe_key");
CREATE INDEX "message_state_lane_next_at_id" ON "message" ("state", "lane", "next_at", "id");
CREATE INDEX "message_organisation_id_created_at_id" ON "message" ("organisation_id", "created_at", "id");
CREATE INDEX "message_organisation_id_state_created_at_id" ON "message" ("organisation_id", "state", "created_at", "id");
CREATE INDEX "message_state_created_at_id" ON "message" ("state", "created_at", "id");
CREATE INDEX "message_created_at_id" ON "message" ("created_at", "id");
CREATE TABLE "form_key" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "actor" VARCHAR(60) NOT NULL, "key" VARCHAR(40) NOT NULL, "request_digest" VARCHAR(64) NOT NULL, "location" TEXT NOT NULL, "created_at" TIMESTAMP NOT NULL);
CREATE UNIQUE INDEX "form_key_public_id" ON "form_key" ("public_id");
CREATE INDEX "form_key_created_at" ON "form_key" ("created_at");
CREATE UNIQUE INDEX "form_key_actor_key" ON "form_key" ("actor", "key");
CREATE TABLE "job_run" ("id" SERIAL NOT NULL PRIMARY KEY, "public_id" UUID NOT NULL, "name" VARCHAR(40) NOT NULL, "period" VARCHAR(20) NOT NULL, "lease_until" TIMESTAMP NOT NULL, "started_at" TIMESTAMP NOT NULL, "finished_at" TIMESTAMP);
CREATE UNIQUE INDEX "job_run_public_id" ON "job_run" ("public_id");
CREATE UNIQUE INDEX "job_run_name_period" ON "job_run" ("name", "period");
"""

SQLITE_TRIGGERS = (
    """CREATE TRIGGER event_kept BEFORE DELETE ON "event" BEGIN SELECT RAISE(ABORT, 'events are kept'); END""",
    """CREATE TRIGGER event_unchanged BEFORE UPDATE ON "event"
    WHEN OLD.seal_id IS NOT NULL OR NEW.seal_id IS NULL OR NEW.name IS NOT OLD.name OR NEW.at IS NOT OLD.at OR NEW.actor IS NOT OLD.actor
      OR NEW.subject IS NOT OLD.subject OR NEW.facts IS NOT OLD.facts OR NEW.salt IS NOT OLD.salt OR NEW.digest IS NOT OLD.digest
      OR NEW.account_id IS NOT OLD.account_id OR NEW.organisation_id IS NOT OLD.organisation_id
    BEGIN SELECT RAISE(ABORT, 'events are not changed'); END""",
    """CREATE TRIGGER seal_kept BEFORE DELETE ON "seal" BEGIN SELECT RAISE(ABORT, 'seals are kept'); END""",
    """CREATE TRIGGER seal_unchanged BEFORE UPDATE ON "seal" BEGIN SELECT RAISE(ABORT, 'seals are not changed'); END""",
)

POSTGRESQL_TRIGGERS = (
    """CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION USING MESSAGE = TG_TABLE_NAME || ' is kept as it is'; END $$""",
    """CREATE TRIGGER event_kept BEFORE DELETE ON "event" FOR EACH ROW EXECUTE FUNCTION refuse_change()""",
    """CREATE TRIGGER event_unchanged BEFORE UPDATE ON "event" FOR EACH ROW
    WHEN (OLD.seal_id IS NOT NULL OR NEW.seal_id IS NULL
      OR (OLD.name, OLD.at, OLD.actor, OLD.subject, OLD.facts, OLD.salt, OLD.digest, OLD.account_id, OLD.organisation_id)
        IS DISTINCT FROM (NEW.name, NEW.at, NEW.actor, NEW.subject, NEW.facts, NEW.salt, NEW.digest, NEW.account_id, NEW.organisation_id))
    EXECUTE FUNCTION refuse_change()""",
    """CREATE TRIGGER seal_kept BEFORE DELETE OR UPDATE ON "seal" FOR EACH ROW EXECUTE FUNCTION refuse_change()""",
)


def up(migrator: Any, db: Any) -> None:
    is_sqlite = type(db).__name__.startswith("Sqlite")
    for statement in (SQLITE if is_sqlite else POSTGRESQL).split(";\n"):
        if statement.strip():
            db.execute_sql(statement)
    for trigger in SQLITE_TRIGGERS if is_sqlite else POSTGRESQL_TRIGGERS:
        db.execute_sql(trigger)
