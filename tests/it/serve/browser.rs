//! The page and the gateway in Chromium.

use super::Server;
use super::driver::Browser;
use crate::desk::Desk;

const ORDERS: &str = "\
fn handler(event) {
    print(\"pricing <b>\" + event.id);
    if event.id == () {
        throw #{ errorType: \"BadOrder\", errorMessage: \"<img src=x onerror=document.title='hit'>\" };
    }
    #{ total: event.id * 2, note: \"<script>document.title='hit'</script>\" }
}
";

fn desk() -> Desk {
    Desk::new()
        .file("orders/function.rhai", ORDERS)
        .file("orders/event.json", "{\"id\": 21}")
        .file("site/function.rhai", "fn handler(event) { #{ statusCode: 200, headers: #{ \"content-type\": \"text/html\" }, body: `<h1>You reached ${event.rawPath}</h1>` } }")
}

#[test]
fn a_sample_is_sent_seen_edited_and_replayed() {
    let Some(browser) = Browser::start("the page in Chromium", 1400, 900) else { return };
    let server = Server::start(desk(), &["orders", "site"]);
    browser.open(&format!("http://localhost:{}/_/", server.port));
    browser.wait_for_text("#live", "live");
    browser.wait_for_text("#nothing", "Nothing has been invoked yet");
    browser.wait("the sample", "document.querySelector('#event').value.includes('\"id\": 21')");

    // Sent: it is listed and shown.
    browser.click("#send");
    browser.wait_for_text("#invocations", "orders");
    browser.wait_for_text("#status", "ok");
    browser.wait_for_text("#shown-result", "\"total\": 42");
    browser.wait_for_text("#shown-event", "\"id\": 21");
    browser.wait_for_text("#shown-logs", "pricing <b>21");
    browser.wait_for_text("#detail", "Billed");

    // Replayed: a second one, which is shown now.
    browser.click("#replay");
    browser.wait("two are listed", "document.querySelectorAll('.invocation').length === 2");
    browser.wait_for_text("#detail", "replay of");
    browser.wait_for_text("#status", "ok");

    // Edited, and wrong: the error is drawn, as text.
    browser.click("#edit");
    browser.fill("#event", "{\"id\": ");
    browser.click("#send");
    browser.wait_for_text("#refusal", "not JSON");
    browser.fill("#event", "{}");
    browser.click("#send");
    browser.wait_for_text("#status", "BadOrder");
    browser.wait_for_text(
        "#drawing",
        "error[BadOrder]: <img src=x onerror=document.title='hit'>\n --> function.rhai:4:9",
    );

    // What a service sends is at hand.
    browser.click("#sample option[value='service:sqs']");
    browser.wait(
        "the sample of SQS",
        "document.querySelector('#event').value.includes('\"Records\"')",
    );

    // What others send appears by itself.
    assert_eq!(server.get("/_/url/site/tea").status, 200);
    browser.wait_for_text("#invocations", "GET /tea");
    browser.wait("four are listed", "document.querySelectorAll('.invocation').length === 4");

    // Nothing of all that was taken for markup.
    assert_eq!(browser.value("document.title"), "rhai-lambda");
    assert_eq!(
        browser.value("document.querySelectorAll('#detail img, #detail script, #detail b').length"),
        0
    );
    assert_eq!(browser.complaints(), [""; 0]);
}

#[test]
fn the_page_says_what_does_not_load_and_that_it_is_mended() {
    let Some(browser) = Browser::start("the page in Chromium", 1400, 900) else { return };
    let server = Server::start(desk(), &["orders"]);
    browser.open(&format!("http://localhost:{}/_/", server.port));
    browser.wait("ready", "document.querySelector('#functions .dot.ready') !== null");
    server.desk.folder.write("orders/function.rhai", "fn handler(event) {\n    let = 1;\n}\n");
    browser.wait_for_text("#problems", "2 |     let = 1;\n  |         ^");
    browser.wait_for_text("#functions", "does not load");
    server.desk.folder.write("orders/function.rhai", "fn handler(event) { 1 }");
    browser.wait("mended", "document.querySelector('#problems pre') === null && document.querySelector('#functions .dot.ready') !== null");
}

#[test]
fn a_narrow_window_shows_one_thing_at_a_time() {
    let Some(browser) = Browser::start("the page in Chromium", 500, 800) else { return };
    let server = Server::start(desk(), &["orders"]);
    browser.open(&format!("http://localhost:{}/_/", server.port));
    browser.wait("the sample", "document.querySelector('#event').value.includes('21')");
    browser.click("#send");
    browser.wait_for_text("#shown-result", "42");
    let shown =
        |id: &str| browser.value(&format!("document.querySelector('{id}').offsetParent !== null"));
    assert_eq!((shown("#detail"), shown("#history")), (true.into(), false.into()));
    // Nothing sticks out to the side.
    assert_eq!(browser.value("document.documentElement.scrollWidth <= window.innerWidth"), true);
    browser.click("#back");
    assert_eq!((shown("#detail"), shown("#history")), (false.into(), true.into()));
}

#[test]
fn a_window_of_middling_width_cuts_nothing_off() {
    let Some(browser) = Browser::start("the page in Chromium", 800, 800) else { return };
    // The list can be narrowed to it, by a choice as wide as this name.
    let desk = desk().file("notifications/function.rhai", "fn handler(event) { 1 }");
    let server = Server::start(desk, &["orders", "notifications"]);
    browser.open(&format!("http://localhost:{}/_/", server.port));
    browser.wait("the sample", "document.querySelector('#event').value.includes('21')");
    browser.click("#send");
    browser.wait_for_text("#shown-result", "42");
    let overhang = "document.querySelector('#clear').getBoundingClientRect().right \
                    - document.querySelector('#history').getBoundingClientRect().right";
    let overhang = browser.value(overhang).as_f64().unwrap();
    assert!(overhang <= 0.0, "`Clear` sticks out by {overhang}");
}

#[test]
fn a_browser_sees_functions_and_their_errors() {
    let Some(browser) = Browser::start("functions in Chromium", 1000, 700) else { return };
    let server = Server::start(desk(), &["orders", "site"]);
    // Browsers know that names below `localhost` are this machine.
    browser.open(&format!("http://site.localhost:{}/teas", server.port));
    browser.wait_for_text("h1", "You reached /teas");
    browser.open(&format!("http://localhost:{}/", server.port));
    browser.wait_for_text("h1", "orders failed");
    browser.wait_for_text("pre", "error[BadOrder]: <img");
    browser.click("a");
    browser.wait_for_text("#status", "BadOrder");
    assert_eq!(browser.value("document.title"), "rhai-lambda");
}
