"""The checks of a unit's website, in the order a person reads them where they are equally bad."""

from __future__ import annotations

from haidang_advice import N_, Check

CHECKS = {
    "defacement": Check(
        "critical",
        N_("The page was not replaced by somebody else's"),
        N_(
            "Take the site off the network, keep a copy as evidence, tell the department, restore a clean backup, then "
            "change every password and update what runs the site."
        ),
    ),
    "injected_spam": Check(
        "critical",
        N_("No gambling or other spam was planted in the page"),
        N_(
            "Have whoever runs the site remove the links and the way in: look for unknown administrators, plug-ins and "
            "files, update everything, change every password."
        ),
    ),
    "https": Check(
        "critical",
        N_("The website answers by HTTPS"),
        N_("Get a certificate (Let's Encrypt is free of charge) and turn HTTPS on, or ask the hosting firm to."),
    ),
    "certificate_trusted": Check(
        "critical",
        N_("A known authority vouches for the certificate"),
        N_("Use a public authority's certificate, and let the server send the intermediate ones with it (fullchain)."),
    ),
    "certificate_name": Check(
        "critical",
        N_("The certificate is of the website's name"),
        N_("Get a certificate that holds the portal's name, or register the portal under the name it holds."),
    ),
    "certificate_dates": Check(
        "critical",
        N_("The certificate is valid today"),
        N_("Renew the certificate now, and let it renew itself from now on (certbot renew)."),
    ),
    "certificate_renewal": Check(
        "warning",
        N_("The certificate is valid for three weeks or more"),
        N_("Renew the certificate, and find out why it does not renew itself."),
    ),
    "tls_modern": Check(
        "critical",
        N_("The website speaks TLS 1.2 or 1.3"),
        N_("Allow TLS 1.2 and 1.3 in the server (nginx: ssl_protocols TLSv1.2 TLSv1.3), or renew a server that can't."),
    ),
    "tls_old": Check(
        "warning",
        N_("The website refuses TLS 1.0 and 1.1"),
        N_("Allow TLS 1.2 and 1.3 only (nginx: ssl_protocols TLSv1.2 TLSv1.3)."),
    ),
    "http_redirect": Check(
        "warning",
        N_("Whoever comes by HTTP is led to HTTPS"),
        N_("Let the server answer every request by HTTP with a permanent redirect to the same address by HTTPS."),
    ),
    "mixed_content": Check(
        "warning",
        N_("Everything in the page comes by HTTPS"),
        N_("Write https:// into the addresses of pictures, scripts and frames; browsers block or mark the others."),
    ),
    "directory_listing": Check(
        "warning",
        N_("Folders are not listed to everybody"),
        N_("Turn listings off (nginx: autoindex off; Apache: Options -Indexes; IIS: directory browsing)."),
    ),
    "cookies": Check(
        "warning",
        N_("Cookies are protected (Secure, HttpOnly)"),
        N_(
            "Set Secure on all cookies, HttpOnly on those of sessions (PHP: session.cookie_secure and cookie_httponly)."
        ),
    ),
    "hsts": Check(
        "warning",
        N_("Browsers are told to come by HTTPS only (HSTS)"),
        N_("Send the header Strict-Transport-Security: max-age=31536000 with every page by HTTPS."),
    ),
    "frame_protection": Check(
        "warning",
        N_("Other sites can't show the page in a frame"),
        N_("Send the header Content-Security-Policy: frame-ancestors 'self', or X-Frame-Options: SAMEORIGIN."),
    ),
    "content_type_options": Check(
        "info",
        N_("Browsers are told not to guess what a file is"),
        N_("Send the header X-Content-Type-Options: nosniff."),
    ),
    "content_security_policy": Check(
        "info",
        N_("The page says from where scripts may come"),
        N_(
            "Send a Content-Security-Policy; begin with Content-Security-Policy-Report-Only to see what it would block."
        ),
    ),
    "referrer_policy": Check(
        "info",
        N_("Other sites do not learn which page a visitor comes from"),
        N_("Send the header Referrer-Policy: strict-origin-when-cross-origin."),
    ),
    "server_version": Check(
        "info",
        N_("The server does not tell its version"),
        N_("Turn it off (nginx: server_tokens off; Apache: ServerTokens Prod; PHP: expose_php = Off)."),
    ),
}
"""By id, which is also the label `check` of `school_website_check`. None is an id of `haidang_advice.checks` too."""
