"""A browser for tests that looks at every page it opens: what the house asks of a page is asked of all of them."""

import re
from typing import Any
from urllib.parse import urlsplit

from lxml import html
from werkzeug.test import TestResponse

from rules import sessions


class Browser:
    """Flask's test client, with each HTML answer inspected and forms filled in as a person would."""

    def __init__(self, app: Any, prefix: str = "") -> None:
        self.app, self.prefix, self.client = app, prefix, app.test_client()
        self.page: Any = None
        self.response: TestResponse | None = None
        self.at = ""

    def enter(self, person: Any) -> None:
        """Be signed in as this customer of this organisation, without walking through the door."""
        slug = person.organisation.slug
        with self.client.session_transaction("/", base_url=f"http://localhost/{slug}") as cookie:
            cookie[f"sid-{person.organisation_id}"] = sessions.open_for(person, "Test browser")

    def get(self, path: str, **options: Any) -> Any:
        """Open a page, follow redirects, inspect it, return it parsed."""
        return self._arrive(self._open(path, method="GET", **options))

    def post(self, path: str, data: dict[str, Any] | None = None, **options: Any) -> Any:
        """Send data as they are, with the CSRF token and form key of the page that is open (none: without)."""
        sent = {}
        if self.page is not None:
            for name in ("csrf_token", "form_key"):
                found = self.page.xpath(f"//input[@name='{name}']/@value")
                if found:
                    sent[name] = found[0]
        return self._arrive(self._open(path, method="POST", data=sent | (data or {}), **options))

    def submit(self, button: str | None = None, form: int | str | None = None, **values: Any) -> Any:
        """Fill in the form on this page and send it. `form` is its id or number, `button` the words on the button."""
        forms = [f for f in self.page.forms if f.method.upper() == "POST"]
        if isinstance(form, str):
            chosen = next(f for f in forms if f.get("id") == form)
        elif form is not None:
            chosen = forms[form]
        elif button:
            chosen = next(f for f in forms if any(button in _words(b) for b in f.xpath(".//button|.//input[@type='submit']")))
        else:
            chosen = next(f for f in forms if all(name in f.fields for name in values))
        sent = [(k, v) for k, v in chosen.form_values() if k not in values]
        for name, value in values.items():
            assert name in chosen.fields, f"no field {name} in {sorted(chosen.fields.keys())}"
            sent += [(name, v) for v in (value if isinstance(value, list) else [value]) if v is not None]
        if button:
            pressed = next(b for b in chosen.xpath(".//button|.//input[@type='submit']") if button in _words(b))
            if pressed.get("name"):
                sent.append((pressed.get("name"), pressed.get("value", "")))
        data: dict[str, Any] = {}
        for name, value in sent:
            data.setdefault(name, []).append(value)
        return self._arrive(self._open(chosen.action or self.at, method="POST", data=data))

    def follow(self, words: str) -> Any:
        """Follow the first link with these words."""
        links = [a for a in self.page.xpath("//a[@href]") if words in _words(a)]
        assert links, f"no link {words!r} on {self.at}: {[_words(a) for a in self.page.xpath('//a[@href]')]}"
        return self.get(links[0].get("href"))

    @property
    def text(self) -> str:
        """Everything a person can read in the page's body."""
        return _words(self.page.body) if self.page is not None else ""

    @property
    def status(self) -> int:
        assert self.response is not None
        return self.response.status_code

    def _open(self, path: str, **options: Any) -> TestResponse:
        parts = urlsplit(path)
        target = parts.path + (f"?{parts.query}" if parts.query else "")
        base = None
        if self.prefix and target.startswith(self.prefix):
            target = target.removeprefix(self.prefix) or "/"
        if self.prefix:
            base = f"http://localhost{self.prefix}"
        if not target.startswith("/"):
            target = (
                re.sub(r"[^/]*$", "", urlsplit(self.at).path) + target if not target.startswith("?") else urlsplit(self.at).path + target
            )
        self.at = target
        return self.client.open(target, base_url=base, **options) if base else self.client.open(target, **options)

    def _arrive(self, response: TestResponse) -> Any:
        hops = 0
        while response.status_code in (301, 302, 303) and hops < 10:
            response = self._open(response.location, method="GET")
            hops += 1
        self.response = response
        self.page = None
        if response.mimetype == "text/html":
            self.page = html.document_fromstring(response.get_data(as_text=True))
            for span in self.page.xpath("//span[@class='whole']"):  # it only keeps a word on one line
                span.drop_tag()
            inspect(self.page, self.at, response)
        return self.page


def _words(element: Any) -> str:
    return " ".join(" ".join(element.xpath(".//text()[not(ancestor::script)][not(ancestor::style)]")).split())


def inspect(page: Any, at: str, response: TestResponse) -> None:
    """What the house asks of every page."""
    assert response.status_code < 500, f"{at}: {response.status_code}"
    assert len(page.xpath("//h1")) == 1, f"{at}: {len(page.xpath('//h1'))} h1"
    assert page.xpath("string(//title)").strip(), f"{at}: no title"
    assert page.xpath("/html/@lang"), f"{at}: no lang"
    ids = page.xpath("//@id")
    assert len(ids) == len(set(ids)), f"{at}: ids twice: {sorted(i for i in ids if ids.count(i) > 1)}"
    assert not page.xpath("//@style"), f"{at}: inline style"
    handlers = page.xpath("//@*[starts-with(name(), 'on')]")
    assert not handlers, f"{at}: inline handlers {handlers}"
    assert not page.xpath("//a[starts-with(@href, 'javascript:')]"), f"{at}: javascript: link"
    for script in page.xpath("//script|//style"):
        assert script.get("nonce") or script.get("type") == "application/json", f"{at}: {script.tag} without nonce"
    for field in page.xpath("//input[not(@type='hidden') and not(@type='submit')]|//select|//textarea"):
        label = page.xpath("//label[@for=$id]", id=field.get("id") or "")
        assert label or field.get("aria-label") or field.get("aria-labelledby") or field.xpath("ancestor::label"), (
            f"{at}: no label for {field.get('name')}"
        )
    for form in page.xpath("//form[translate(@method, 'POST', 'post')='post']"):
        # Another site must not be told ours.
        is_elsewhere = bool(urlsplit(form.get("action", "")).netloc)
        assert bool(form.xpath(".//input[@name='csrf_token']")) != is_elsewhere, (
            f"{at}: form without CSRF token, or our token sent elsewhere"
        )
    for link in page.xpath("//*[@role='alert']//a[starts-with(@href, '#')]/@href"):
        assert page.xpath("//*[@id=$id]", id=link[1:]), f"{at}: the summary links to {link}, which is not there"
