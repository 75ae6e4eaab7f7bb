"""Function calls, domain `communication`: messages, e-mail, telephone, translation."""

from typing import Final

from tasks.example_data.function_calls.function import Function, Parameter
from tasks.example_data.function_calls.values import (
    LANGUAGES,
    TEXT,
    chosen,
    copied,
    list_schema,
    quoted,
    several,
    small,
)

COMMUNICATION: Final = (
    Function(
        name="send_message",
        description="Send a short message to somebody.",
        domain="communication",
        parameters={
            "recipient": Parameter(TEXT, copied("{person}")),
            "text": Parameter(TEXT, quoted("{saying}")),
        },
        short=(
            "{do} [text|message] {recipient} {text}",
            "{do} [send|write] {recipient} [the message|this:|] {text}",
            "{do} tell {recipient} {text}",
        ),
        long=(
            "{do} send {text} [as a message|in a text|] to {recipient}",
            "{do} [let {recipient} know|inform {recipient}]: {text}",
            "i [wrote to|told|called] {first} already, now {tell} [text|message|tell] {recipient} {text}",
            "{text}: {do} [write|text|send] that to {recipient}",
            "[write|send] a [message|text] to {recipient} [that says|saying|with the words] {text}",
        ),
        incomplete={
            "recipient": ("{do} [send|write] [the message|this text|a message saying|this:] {text}",),
            "text": ("{do} [text|message] {recipient}", "{do} [send|write] {recipient} a [message|text]"),
        },
    ),
    Function(
        name="send_email",
        description="Send an e-mail.",
        domain="communication",
        parameters={
            "to": Parameter(list_schema({"type": "string", "format": "email"}), several(small("{email}"), (1, 1, 2))),
            "subject": Parameter(TEXT, copied("{subject}")),
            "body": Parameter(TEXT, quoted("{saying}"), required=False),
        },
        short=(
            "{do} [email|mail] {to} [with the subject|, subject] {subject}",
            "{do} [send|write] an email to {to}, [subject|the subject is|title] {subject}",
        ),
        long=(
            "{do} [send|write] an email to {to} [with the subject|titled] {subject} and the text {body}",
            "{do} [email|mail] {body} to {to}, the subject is {subject}",
            "subject {subject}, text {body}: {do} [send|mail] that to {to}",
        ),
        incomplete={
            "to": ("{do} [send|write] an email with the subject {subject}",),
            "subject": ("{do} [send|write] an email to {to}", "{do} [email|mail] {body} to {to}"),
        },
    ),
    Function(
        name="translate_text",
        description="Translate a text.",
        domain="communication",
        parameters={
            "text": Parameter(TEXT, quoted("{saying}")),
            "language": Parameter({"type": "string", "enum": sorted(LANGUAGES.values())}, chosen(LANGUAGES)),
        },
        short=(
            "{do} translate {text} [into|to] {language}",
            "[how do you say|how do i say|what is] {text} in {language}",
        ),
        long=(
            "{tell} [give me|show me|write down] the {language} [translation of|for|version of] {text}",
            "in {language}, [how would you say|what do people say for] {text}",
            "i have to [tell|write] {text} to somebody who only [speaks|reads] {language}, {do} translate it",
        ),
        incomplete={
            "language": ("{do} translate {text}", "{tell} [give me|show me] a translation of {text}"),
            "text": ("{do} translate [something|a text|a sentence] [into|to] {language}",),
        },
    ),
)
