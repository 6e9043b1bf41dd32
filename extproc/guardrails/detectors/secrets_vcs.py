"""Rows of the secrets table: code hosting, package registries, builds and code checks.

Each row: name, label, shape (or name and shape), and the page its format is from.
"""

from __future__ import annotations

from extproc.guardrails.detectors.secrets_checks import (
    ends_in_crc32,
    is_pypi_token,
    random_key,
    two_cases,
)
from extproc.guardrails.detectors.secrets_shape import ALONE, UNENCODED, behind, named, token

HOSTING = (
    # docs.github.com/authentication/...: about authentication to GitHub
    # github.blog/2021-04-05-behind-githubs-new-authentication-token-formats: CRC-32 at the end
    token("github-personal", "GITHUB_TOKEN", "ghp_{a36-255}", ends_in_crc32),
    token("github-oauth", "GITHUB_TOKEN", "gho_{a36-255}", ends_in_crc32),
    token("github-user-to-server", "GITHUB_TOKEN", "ghu_{a36-255}", ends_in_crc32),
    token("github-server-to-server", "GITHUB_TOKEN", "ghs_{a36-255}", ends_in_crc32),
    token("github-server-jwt", "GITHUB_TOKEN", "ghs_{d1-12}_eyJ{w20-1000}.{w20-1000}.{w20-700}"),
    token("github-refresh", "GITHUB_TOKEN", "ghr_{a36-255}", ends_in_crc32),
    token("github-fine-grained", "GITHUB_TOKEN", "github_pat_{w22-255}", ends_in_crc32),
    # docs.gitlab.com/security/tokens/#token-prefixes
    token("gitlab-personal", "GITLAB_TOKEN", "glpat-{q20-300}"),
    token("gitlab-oauth-secret", "GITLAB_TOKEN", "gloas-{q20-300}"),
    token("gitlab-deploy", "GITLAB_TOKEN", "gldt-{q20-300}"),
    token("gitlab-runner", "GITLAB_TOKEN", "glrt-{q20-300}"),
    token("gitlab-runner-registration", "GITLAB_TOKEN", "glrtr-{q20-300}"),
    token("gitlab-ci-job", "GITLAB_TOKEN", "glcbt-{q20-300}"),
    token("gitlab-trigger", "GITLAB_TOKEN", "glptt-{q20-300}"),
    token("gitlab-feed", "GITLAB_TOKEN", "glft-{q20-300}"),
    token("gitlab-incoming-mail", "GITLAB_TOKEN", "glimt-{q20-300}"),
    token("gitlab-agent", "GITLAB_TOKEN", "glagent-{q20-300}"),
    token("gitlab-scim", "GITLAB_TOKEN", "glsoat-{q20-300}"),
    token("gitlab-feature-flags", "GITLAB_TOKEN", "glffct-{q20-300}"),
    token("gitlab-workspace", "GITLAB_TOKEN", "glwt-{q20-300}"),
    token("gitlab-legacy-runner", "GITLAB_TOKEN", "GR1348941{w20-40}"),
    # support.atlassian.com/bitbucket-cloud/docs/app-passwords; developer.atlassian.com (tokens)
    token("bitbucket-app-password", "BITBUCKET_TOKEN", "ATBB{a32}", random_key),
    token("bitbucket-access-token", "BITBUCKET_TOKEN", "ATCTT3xFfG{w100-220}={X8}"),
    named("bitbucket-client-secret", "BITBUCKET_TOKEN", rb"bitbucket", "{a32}"),
    # support.atlassian.com
    token("atlassian-api-token", "ATLASSIAN_TOKEN", "ATATT3xFfG{w100-220}={X8}"),
    token("atlassian-admin-key", "ATLASSIAN_TOKEN", "ATCTT3xFfN{w100-220}={X8}"),
    named("atlassian-old-token", "ATLASSIAN_TOKEN", rb"atlassian|jira|confluence", "{a24}"),
    # docs.gitea.com/development/api-usage
    named("gitea-token", "GITEA_TOKEN", rb"gitea|forgejo", "{x40}"),
    # sourcegraph.com/docs/cli/how-tos/creating_an_access_token
    token("sourcegraph-token", "SOURCEGRAPH_TOKEN", "sgp_{x40}"),
    token("sourcegraph-instance-token", "SOURCEGRAPH_TOKEN", "sgp_{x16}_{x40}"),
)  # fmt: skip

REGISTRIES = (
    # github.blog/2021-09-23-announcing-npms-new-access-token-format: CRC-32 at the end
    token("npm-token", "NPM_TOKEN", "npm_{a36-100}", ends_in_crc32),
    named("npm-old-token", "NPM_TOKEN", rb"_auth ?token", "{u}", full=True),
    # PyPI's help on API tokens: a macaroon (libmacaroons, packet 2.0) with PyPI's location
    token("pypi-token", "PYPI_TOKEN", "pypi-{w80-1000}", is_pypi_token),
    token("rubygems-key", "RUBYGEMS_KEY", "rubygems_{x48}"),  # RubyGems guides: API key scopes
    token("nuget-key", "NUGET_KEY", "oy2{l43}", random_key, UNENCODED),  # learn.microsoft.com/nuget
    token("docker-hub-token", "DOCKER_HUB_TOKEN", "dckr_pat_{w27}"),  # docs.docker.com/security
    token("docker-hub-org-token", "DOCKER_HUB_TOKEN", "dckr_oat_{w32}"),
    # doc.rust-lang.org/cargo
    token("crates-io-token", "CRATES_IO_TOKEN", "cio{a32}", random_key, UNENCODED),
    token("clojars-token", "CLOJARS_TOKEN", "CLOJARS_{x60}"),  # Clojars: deploy tokens
    # Private Packagist's documentation: API authentication
    token("packagist-token", "PACKAGIST_TOKEN", "packagist_{ack|ork|uut|out|org}_{x68}"),
    # jfrog.com/help: API keys, reference tokens ("reftkn" in base64)
    token("artifactory-key", "ARTIFACTORY_KEY", "AKCp{a69}", left=UNENCODED),
    token("artifactory-reference", "ARTIFACTORY_KEY", "cmVmdGtu{a56}", left=UNENCODED),
)  # fmt: skip

BUILDS = (
    # circleci.com/docs/managing-api-tokens
    token("circleci-personal", "CIRCLECI_TOKEN", "CCIPAT_{a22}_{x40}"),
    token("circleci-project", "CIRCLECI_TOKEN", "CCIPRJ_{a22}_{x40}"),
    named("circleci-old-token", "CIRCLECI_TOKEN", rb"circle(?:ci)?", "{x40}"),
    # buildkite.com/docs/apis/managing-api-tokens
    token("buildkite-user-token", "BUILDKITE_TOKEN", "bkua_{x40}"),
    token("buildkite-agent-token", "BUILDKITE_TOKEN", "bkct_{a40-80}"),
    token("buildkite-package-token", "BUILDKITE_TOKEN", "bkpt_{a40-80}"),
    # developer.travis-ci.com/authentication
    named("travis-token", "TRAVIS_TOKEN", rb"travis", "{w22}", two_cases),
    named("drone-token", "DRONE_TOKEN", rb"drone", "{a32}"),  # docs.drone.io/cli
    named("jenkins-token", "JENKINS_TOKEN", rb"jenkins", "11{x32}"),  # jenkins.io/blog (2018)
    # teamcity: {"typ": "TCV2"} in base64
    token("teamcity-token", "TEAMCITY_TOKEN", "eyJ0eXAiOiAiVENWMiJ9.{w36}.{w48}"),
    # developer.harness.io/docs/platform/automation/api
    token("harness-personal", "HARNESS_TOKEN", "pat.{w22}.{x24}.{a20}", left=ALONE),
    token("harness-service", "HARNESS_TOKEN", "sat.{w22}.{x24}.{a20}", left=ALONE),
    named("codecov-token", "CODECOV_TOKEN", rb"codecov", "{u}"),  # docs.codecov.com
    named("codecov-old-token", "CODECOV_TOKEN", rb"codecov", "{a32}"),
    # docs.sonarsource.com/sonarqube-server/user-guide/managing-tokens
    token("sonarqube-user-token", "SONARQUBE_TOKEN", "squ_{x40}"),
    token("sonarqube-project-token", "SONARQUBE_TOKEN", "sqp_{x40}"),
    token("sonarqube-global-token", "SONARQUBE_TOKEN", "sqa_{x40}"),
    # docs.sonarsource.com
    named("sonarcloud-token", "SONARQUBE_TOKEN", rb"sonar(?:cloud|qube)?", "{x40}"),
    named("snyk-token", "SNYK_TOKEN", rb"snyk", "{u}"),  # docs.snyk.io
    # learning.postman.com/docs/developer/postman-api
    token("postman-key", "POSTMAN_KEY", "PMAK-{x24}-{x34}"),
    token("postman-collection-key", "POSTMAN_KEY", "PMAT-{U26}", random_key),
    token("readme-key", "README_KEY", "rdme_{l70}"),  # docs.readme.com
    behind("rapidapi-key", "RAPIDAPI_KEY", rb"(?i)x-rapidapi-key[\"'\\]{0,2}[ \t]{0,2}[:=]"
           rb"[ \t]{0,2}[\"'\\]{0,2}", "{l10}msh{l15}p{l6}jsn{l12}"),  # docs.rapidapi.com
)  # fmt: skip

KINDS = (*HOSTING, *REGISTRIES, *BUILDS)
