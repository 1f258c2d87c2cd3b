"""Pages of a browser that tests have one after the other.

A window of its own costs Chromium a second of the processor, another document in it a fifth of that. So what a test did
to a page is undone, and the next test has it; the document, with all that its scripts hold, is new each time.
"""

from __future__ import annotations

from patience import HANGS


class Desk:
    """The pages of one browser: `page` gives one as a new window would be, `back` takes it again."""

    def __init__(self, browser):
        self.browser = browser
        self.free = []

    def page(self, width=1300, height=1000, dark=False, calm=False):
        page = self.free.pop() if self.free else self.browser.new_context().new_page()
        page.set_default_timeout(HANGS * 1000)
        page.set_viewport_size({"width": width, "height": height})
        page.emulate_media(
            media="null",
            color_scheme="dark" if dark else "light",
            reduced_motion="reduce" if calm else "no-preference",
        )
        return page

    def back(self, page):
        if page.is_closed():
            page.context.close()
            return
        for other in page.context.pages:  # what its scripts opened
            if other is not page:
                other.close()
        page.unroute_all()
        page.context.clear_cookies()
        page.context.clear_permissions()
        page.mouse.up()
        page.mouse.move(-1, -1)
        page.goto("about:blank")
        self.free.append(page)
