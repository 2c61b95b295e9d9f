# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Errors in the words of the management server."""

from __future__ import annotations

PARAMETER = 431
INTERNAL = 530
CAPACITY = 533

# cserrorcode of a ServerApiException and of an InvalidParameterValueException
SERVER_API_EXCEPTION = 9999
INVALID_PARAMETER_VALUE = 4350


class ApiError(Exception):
    """An error answer, or the failure of a job."""

    def __init__(self, code: int, text: str | None, cserrorcode: int | None = SERVER_API_EXCEPTION) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.cserrorcode = cserrorcode

    def result(self) -> dict[str, object]:
        """The jobresult of a job that failed with this error."""
        result: dict[str, object] = {"errorcode": self.code}
        if self.text is not None:
            result["errortext"] = self.text
        return result


class ReturnedFalse(ApiError):
    """The server's method said false, it did not throw: the job fails, and its event says that all went well."""

    def __init__(self, text: str) -> None:
        super().__init__(INTERNAL, text)


def invalid(text: str) -> ApiError:
    return ApiError(PARAMETER, text, INVALID_PARAMETER_VALUE)


def existing_entity() -> ApiError:
    """A row whose unique key is taken."""
    return ApiError(INTERNAL, "Entity already exists ")


def unknown_value(command: str, parameter: str, value: str) -> ApiError:
    return ApiError(
        PARAMETER,
        f"Unable to execute API command {command.lower()} due to invalid value. Invalid parameter {parameter} "
        f"value={value} due to incorrect long value format, or entity does not exist or due to incorrect parameter "
        "annotation for the field in api cmd class.",
    )
