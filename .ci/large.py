#!/usr/bin/env python3
"""Prints a description of 300 operations, about as many as all of Zoom's, in the form in which the converter writes them."""
import json

TEXT = {"type": "string"}
ITEM = {"type": "object", "required": ["id"], "properties": {
    "id": {"type": "integer", "format": "int64"}, "name": TEXT, "kind": {**TEXT, "enum": ["a", "b"]}, "key": {**TEXT, "format": "password"},
    "settings": {"type": "object", "properties": {"on": {"type": "boolean"}, "names": {"type": "array", "items": TEXT}}}}}
LIST = {"type": "object", "properties": {"next_page_token": TEXT, "things": {"type": "array", "items": ITEM}}}
ID = {"name": "thingId", "in": "path", "required": True, "description": "The thing's ID.", "schema": TEXT, "example": "abc"}
PAGE = {"name": "page_size", "in": "query", "required": False, "schema": {"type": "integer", "format": "int64"}, "example": 30}
FORM = {"type": "object", "required": ["file"], "properties": {"file": {**TEXT, "format": "binary"}, "names": {"type": "array", "items": TEXT}}}


def json_of(schema):
    return {"application/json": {"schema": schema}}


def operation(method, name, parameters, success, body=None):
    described = {"operationId": name, "summary": name, "tags": ["things"], "security": [{"oauth2": ["thing:read"]}], "parameters": parameters}
    if body:
        described["requestBody"] = {"required": True, "content": body}
    refused = {"description": "Refused.", "x-error-codes": [{"code": 300, "message": "Invalid."}]}
    return method, {**described, "responses": {**success, "400": refused}}


def paths(number):
    name = f"Thing{number}"
    done, listed = {"204": {"description": "Done."}}, {"200": {"description": "The things.", "content": json_of(LIST)}}
    made = {"201": {"description": "Made.", "content": json_of(ITEM)}}
    return {
        f"/things{number}": dict([operation("get", f"list{name}s", [PAGE], listed), operation("post", f"create{name}", [], made, json_of(ITEM))]),
        f"/things{number}/{{thingId}}": dict([
            operation("get", f"get{name}", [ID], {**made, **done}), operation("patch", f"update{name}", [ID], done, json_of(ITEM)),
            operation("delete", f"delete{name}", [ID], done)]),
        f"/things{number}/{{thingId}}/picture": dict([
            operation("post", f"upload{name}Picture", [ID], done, {"multipart/form-data": {"schema": FORM}})]),
    }


described = {path: item for number in range(50) for path, item in paths(number).items()}
assert sum(len(item) for item in described.values()) == 300
print(json.dumps({
    "openapi": "3.0.3", "info": {"title": "Things", "version": "1"}, "servers": [{"url": "https://api.zoom.us/v2"}], "paths": described}))
