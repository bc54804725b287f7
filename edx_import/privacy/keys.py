"""What the name of a field says of its value, wherever the field stands: in an event's payload, a post, a row of a table that nobody declared.

A list of names can't be complete: packages hold fields that courses make up. docs/privacy.md says what follows from that.
"""

from __future__ import annotations

import re
from enum import Enum, auto
from functools import lru_cache


class Says(Enum):
    """What a value is."""

    #: who somebody is: a username or an e-mail address (now and then a user id in their place)
    WHO = auto()
    #: a number or an anonymous id that stands for a learner
    NUMBER = auto()
    #: something personal besides: a full name, an IP address, a device, ...
    DETAIL = auto()
    #: text that somebody wrote
    TEXT = auto()
    #: an answer to a problem: a choice, a number, or text
    ANSWER = auto()


_WHO = re.compile(
    r"(?:.*_)?(?:user_?names?|e_?mails?|e-mails?|email_?address(?:es)?|student_identifiers?|identifiers|recipients|invitees?)"
    r"|students?|instructors?|users?|learners?|sender|author_name|edited_by|closed_by|bookmark_id"
)
_NUMBER = re.compile(
    r"(?:.*_)?(?:user|author|student|learner|staff|instructor|owner|scorer|editor|member)_?ids?|author|scorer|hash_id|(?:.*_)?anonymous_user_id"
    r"|abuse_flaggers|historical_abuse_flaggers|up|down"
)
_DETAIL = re.compile(
    r"(?:full|first|last|real|given|family|middle|nick|legal|old|verified)_?names?|old_emails|name_affirmation|(?:.*_)?ip(?:_?addr(?:ess)?)?|remote_addr"
    r"|x_forwarded_for|(?:.*_)?(?:mailing|postal|street|billing)_?address|address|city|phone|phone_?number|bio|biography|goals|(?:date_of_)?birth_?(?:date|day)?"
    r"|session|session_?(?:id|key)|agent|user_agent|cookie|password|csrfmiddlewaretoken|(?:.*_)?(?:secret|token)"
    r"|certificate_(?:url|id)|verify_uuid|download_u(?:rl|uid)|assertion_(?:image|json)_url|review_video_url|profile_image(?:_url)?"
    r"|client|device|device_?id|advertising_?id|file_?names?|files?_descriptions?|file_?upload_?keys?|file_?keys?|post|get"
)
_TEXT = re.compile(
    r"body|original_body|title|text|query|search_(?:string|text)|corrected_text|feedback|feedback_text|rationale|(?:old_)?note_text|highlighted_content"
    r"|(?:old_)?tags|saved_response|raw_answer|comments?|message|subject|reason_text|exit_response|contents|description|user_message"
)
_ANSWER = re.compile(r"(?:student_)?answers?|input_state|choices|corrections")


@lru_cache(maxsize=20_000)
def says(key: str) -> Says | None:
    """What a value under this key is; None where the key tells nothing."""
    name = key.lower().replace("-", "_")
    for pattern, meaning in ((_NUMBER, Says.NUMBER), (_WHO, Says.WHO), (_DETAIL, Says.DETAIL), (_ANSWER, Says.ANSWER), (_TEXT, Says.TEXT)):
        if pattern.fullmatch(name):
            return meaning
    return None
