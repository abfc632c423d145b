"""A stand-in for GitLab on loopback: it keeps what is written to it, and refuses what GitLab refuses.

Every request is held to the parameters of the published interface (docs.gitlab.com, "Merge requests API", "Notes API",
"Users API", "Projects API", "Groups API"); another one is a violation, which fails the test. Merge requests are kept in
the form of ``GitHub.pulls``, so that one test can tell the life of both.
"""

import re
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from tests.standin import REPOSITORY, GitHub, Refused

_PAGES = {"page", "per_page", "order_by", "sort"}
_PARAMETERS = {
    "GET /projects/:id/merge_requests": _PAGES
    | {"state", "scope", "source_branch", "target_branch", "labels", "author_id", "iids", "search", "view", "wip"},
    "POST /projects/:id/merge_requests": {
        *("source_branch", "target_branch", "title", "description", "target_project_id", "labels", "reviewer_ids"),
        *("remove_source_branch", "squash", "assignee_ids", "milestone_id", "allow_collaboration"),
    },
    "PUT /projects/:id/merge_requests/:iid": {
        *("title", "description", "state_event", "add_labels", "remove_labels", "labels", "reviewer_ids"),
        *("target_branch", "remove_source_branch", "squash", "assignee_ids", "milestone_id", "discussion_locked"),
    },
    "POST /projects/:id/merge_requests/:iid/notes": {"body", "created_at", "internal"},
    "GET /users": {"username", "active", "search", *_PAGES},
    "GET /projects/:id": {"statistics", "license"},
    "GET /groups/:id/projects": _PAGES
    | {"include_subgroups", "archived", "with_shared", "simple", "visibility", "min_access_level"},
}


class GitLab(GitHub):
    """A project with merge requests. ``users`` are ids by name, ``projects`` ids by path, ``groups`` the projects of
    one."""

    def __init__(self) -> None:
        super().__init__(prefix="/api/v4")
        self.users = {"eve": 7, "bot": 8}
        self.projects = {REPOSITORY: 1, "bot/shop": 2}
        self.groups: dict[str, list[dict[str, Any]]] = {}

    def answer(self, method: str, target: str, body: Any, token: str) -> tuple[int, Any, dict[str, str]]:
        parts = urlsplit(target)
        query = {key: values[0] for key, values in parse_qs(parts.query).items()}
        with self._lock:
            if token not in self.tokens:
                raise Refused(401, "401 Unauthorized")
            for template, known in _PARAMETERS.items():
                form = re.sub(r":\w+", "([^/]+)", template.partition(" ")[2])
                match = re.fullmatch(form, parts.path)
                if not match or method != template.partition(" ")[0]:
                    continue
                for name in (body if body is not None else query) or ():
                    if name not in known:
                        self.violations.append(f"{method} {parts.path}: {name} is no parameter")
                if method != "GET" and token in self.readers:
                    raise Refused(403, "403 Forbidden")
                return self._answered(template, [unquote(one) for one in match.groups()], query, body, token)
            self.violations.append(f"{method} {parts.path}: is not in the interface")
            raise Refused(404, "404 Not Found")

    def _answered(
        self, template: str, names: list[str], query: dict[str, str], body: Any, token: str
    ) -> tuple[int, Any, dict[str, str]]:
        if template == "GET /users":
            name = query["username"]
            return 200, [{"id": self.users[name], "username": name}] if name in self.users else [], {}
        if template == "GET /groups/:id/projects":
            return self._numbered(self.groups[names[0]], query) if names[0] in self.groups else (404, {}, {})
        if names[0] not in self.projects:
            raise Refused(404, "404 Project Not Found")
        if template == "GET /projects/:id":
            return 200, {"id": self.projects[names[0]], "path_with_namespace": names[0]}, {}
        if template == "GET /projects/:id/merge_requests":
            return self._numbered(self._found(query), query)
        if template == "POST /projects/:id/merge_requests":
            return 201, self._opened(names[0], body, self.tokens[token]), {}
        number = int(names[1])
        if template.endswith("notes"):
            return 201, self.add_comment(number, self.tokens[token], body["body"]), {}
        return 200, self._changed(number, body), {}

    def _numbered(self, found: list[Any], query: dict[str, str]) -> tuple[int, Any, dict[str, str]]:
        size, page = min(int(query.get("per_page", 20)), 100), int(query.get("page", 1))
        return 200, found[(page - 1) * size : page * size], {}

    def _found(self, query: dict[str, str]) -> list[dict[str, Any]]:
        found = [self._wire(one) for one in self.pulls.values()]
        found.sort(key=lambda one: one["iid"], reverse=query.get("sort", "desc") == "desc")
        state = query.get("state", "all")
        return [
            one
            for one in found
            if state in ("all", one["state"])
            and all(query.get(name, one[name]) == one[name] for name in ("source_branch", "target_branch"))
        ]

    def _wire(self, pull: dict[str, Any]) -> dict[str, Any]:
        owner, _, branch = pull["head"]["label"].partition(":")
        if pull["state"] == "open":  # a branch that is deleted closes nothing here
            try:
                pull["head"]["sha"] = self._tip(owner, branch)
            except Refused:
                pull["head"]["sha"] = None
        state = "merged" if pull["merged_at"] else {"open": "opened"}.get(pull["state"], pull["state"])
        path = REPOSITORY if owner == "acme" else f"{owner}/shop"
        return {
            "iid": pull["number"],
            "state": state,
            "source_branch": branch,
            "target_branch": pull["base"]["ref"],
            "sha": pull["head"]["sha"],
            "title": pull["title"],
            "description": pull["body"] or None,
            "source_project_id": self.projects[path],
            "target_project_id": self.projects[REPOSITORY],
        }

    def _opened(self, path: str, body: Any, login: str) -> dict[str, Any]:
        if body.get("target_project_id", self.projects[path]) != self.projects[REPOSITORY]:
            raise Refused(404, "404 Project Not Found")
        owner = path.partition("/")[0]
        label = f"{owner}:{body['source_branch']}"
        self._tip("acme", body["target_branch"])
        if any((one["state"], one["head"]["label"]) == ("open", label) for one in self.pulls.values()):
            raise Refused(409, "Another open merge request already exists for this source branch")
        number = len(self.pulls) + 1
        self.open(number, self._tip(owner, body["source_branch"]), [], label)
        self.pulls[number] |= {"title": body["title"], "body": body.get("description"), "user": {"login": login}}
        self.pulls[number] |= {"base": {"ref": body["target_branch"]}, "merged_at": None, "labels": [], "reviewers": []}
        return self._wire(self.pulls[number])

    def _changed(self, number: int, body: Any) -> dict[str, Any]:
        pull = self._of(number)
        pull |= {"title": body.get("title", pull["title"]), "body": body.get("description", pull["body"])}
        if body.get("state_event") == "close":
            pull["state"] = "closed"
        pull["labels"] += [{"name": name} for name in body.get("add_labels", "").split(",") if name]
        names = {id: name for name, id in self.users.items()}
        pull["reviewers"] += [names[id] for id in body.get("reviewer_ids", ())]
        return self._wire(pull)
