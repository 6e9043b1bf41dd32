"""Vectors of code hosting, registries and builds."""

import pytest

from extproc.guardrails.detectors.secrets_checks import base62_crc32, ends_in_crc32
from tests.guardrails.test_secrets_table import (
    UUID,
    Rows,
    a,
    alone,
    b,
    check_row,
    d,
    low,
    sealed,
    u,
    vectors,
    w,
    x,
)

ROWS: Rows = {
    "github-personal": ("ghp_" + "zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ" + "0mLq17", "ghp_" + "x" * 36),
    "github-oauth": ("gho_" + sealed(a(30)), "gho_" + a(35)),
    "github-user-to-server": ("ghu_" + sealed(a(30)), "ghv_" + sealed(a(30))),
    "github-server-to-server": ("ghs_" + sealed(a(30)), "aghs_" + sealed(a(30))),
    "github-server-jwt": ("ghs_1234_" + "eyJ" + w(60) + "." + w(90) + "." + w(43),
                          "ghs_1234_" + w(60)),
    "github-refresh": ("ghr_" + sealed(a(70)), "ghr-" + sealed(a(70))),
    "github-fine-grained": ("github_pat_" + a(22) + "_" + a(59), "github_pat_" + a(21)),
    "gitlab-personal": ("glpat-" + w(20), "glpat-" + w(19)),
    "gitlab-oauth-secret": ("gloas-" + x(64), "gloas_" + x(64)),
    "gitlab-deploy": ("gldt-" + w(20), "gldt-" + w(12)),
    "gitlab-runner": ("glrt-" + w(20), "xglrt-" + w(20)),
    "gitlab-runner-registration": ("glrtr-" + w(20), "glrtr-" + "0" * 20),
    "gitlab-ci-job": ("glcbt-64_" + w(20), "glcbt-64"),
    "gitlab-trigger": ("glptt-" + x(40), "glptt:" + x(40)),
    "gitlab-feed": ("glft-" + w(20), "glft-" + "x" * 20),
    "gitlab-incoming-mail": ("glimt-" + low(25), "glimt " + low(25)),
    "gitlab-agent": ("glagent-" + w(50), "glagents-" + w(50)),
    "gitlab-scim": ("glsoat-" + w(20), "glsoat-" + w(8)),
    "gitlab-feature-flags": ("glffct-" + w(20), "glffct" + w(20)),
    "gitlab-workspace": ("glwt-" + w(20), "glwt-" + w(19)),
    "gitlab-legacy-runner": ("GR1348941" + w(20), "GR1348942" + w(20)),
    "bitbucket-app-password": ("ATBB" + a(32), "ATBB" + a(31)),
    "bitbucket-access-token": ("ATCTT3xFfG" + "N0" + w(178) + "=" + "3A9F01C7",
                               "ATCTT3xFfG" + w(180) + "=" + "3A9F01"),
    "bitbucket-client-secret": (f"BITBUCKET_CLIENT_SECRET=«{a(32)}»", "bitbucket_secret=" + a(31)),
    "atlassian-api-token": ("ATATT3xFfG" + "F0" + w(178) + "=" + "9C07A1E2",
                            "ATATT3xFfG" + w(180) + "_9C07A1E2"),
    "atlassian-admin-key": ("ATCTT3xFfN" + w(180) + "=" + "9C07A1E2", "ATCTT3xFfN" + w(40)),
    "atlassian-old-token": (f"jira_api_token: «{a(24)}»", "jira_api_token: " + a(25)),
    "gitea-token": (f"gitea token is «{x(40)}»", "gitea commit is " + x(40)),
    "sourcegraph-token": ("sgp_" + x(40), "sgp_" + x(39)),
    "sourcegraph-instance-token": ("sgp_" + x(16) + "_" + x(40), "sgp_" + x(15) + "_" + x(40)),
    "npm-token": ("npm_" + sealed(a(30)), "npm_" + "a" * 36),
    "npm-old-token": (f"//registry.example.com/:_authToken=«{UUID}»", "_authToken=${NPM_TOKEN}"),
    "pypi-token": ("pypi-" + "AgEIcHlwaS5vcmcC" + w(120), "pypi-" + w(136)),
    "rubygems-key": ("rubygems_" + x(48), "rubygems_" + x(47)),
    "nuget-key": ("oy2" + low(43), "oy2" + low(44)),
    "docker-hub-token": ("dckr_pat_" + w(27), "dckr_pat_" + w(26)),
    "docker-hub-org-token": ("dckr_oat_" + w(32), "dckr_oat_" + w(30)),
    "crates-io-token": ("cio" + a(32), "cio" + "s" * 32),
    "clojars-token": ("CLOJARS_" + x(60), "CLOJARS_" + x(59)),
    "packagist-token": ("packagist_ork_" + x(68), "packagist_xyz_" + x(68)),
    "artifactory-key": ("AKCp" + a(69), "AKCp" + a(70)),
    "artifactory-reference": ("cmVmdGtu" + a(56), "cmVmdGtu" + a(50)),
    "circleci-personal": ("CCIPAT_" + a(22) + "_" + x(40), "CCIPAT_" + a(22) + "_" + x(39)),
    "circleci-project": ("CCIPRJ_" + a(22) + "_" + x(40), "CCIPRJ_" + a(21) + "_" + x(40)),
    "circleci-old-token": (f"CIRCLE_TOKEN=«{x(40)}»", "circle_sha=" + x(40)),
    "buildkite-user-token": ("bkua_" + x(40), "bkua_" + x(38)),
    "buildkite-agent-token": ("bkct_" + a(60), "bkct_" + a(30)),
    "buildkite-package-token": ("bkpt_" + a(60), "bkpt_" + a(30)),
    "travis-token": (f'travis_token: "«{a(22)}»"', "travis_token: " + a(23)),
    "drone-token": (f"DRONE_TOKEN=«{a(32)}»", "DRONE_COMMIT=" + a(32)),
    "jenkins-token": (f"jenkins api token = «11{x(32)}»", "jenkins api token = 12" + x(32)),
    "teamcity-token": ("eyJ0eXAiOiAiVENWMiJ9." + w(36) + "." + w(48),
                       "eyJ0eXAiOiAiVENWMiJ9." + w(36) + "." + w(20)),
    "harness-personal": ("pat." + w(22) + "." + x(24) + "." + a(20),
                         "pat." + w(22) + "." + x(23) + "." + a(20)),
    "harness-service": ("sat." + w(22) + "." + x(24) + "." + a(20),
                        "sat." + w(22) + "." + x(24) + "." + a(19)),
    "codecov-token": (f"CODECOV_TOKEN: «{UUID}»", f"codecov_build: {UUID}"),
    "codecov-old-token": (f"codecov_token = '«{a(32)}»'", "codecov_token = '" + a(20) + "'"),
    "sonarqube-user-token": ("squ_" + x(40), "squ_" + x(41)),
    "sonarqube-project-token": ("sqp_" + x(40), "sqp_" + x(30)),
    "sonarqube-global-token": ("sqa_" + x(40), "sqb_" + x(40)),
    "sonarcloud-token": (f"SONAR_TOKEN=«{x(40)}»", "SONAR_REVISION=" + x(40)),
    "snyk-token": (f"SNYK_TOKEN=«{UUID}»", f"SNYK_ORG={UUID}"),
    "postman-key": ("PMAK-" + x(24) + "-" + x(34), "PMAK-" + x(24) + "-" + x(33)),
    "postman-collection-key": ("PMAT-" + u(26), "PMAT-" + u(25)),
    "readme-key": ("rdme_" + low(70), "rdme_" + low(69)),
    "rapidapi-key": (f'"X-RapidAPI-Key": "«{low(10)}msh{low(15)}p{low(6)}jsn{low(12)}»"',
                     '"X-RapidAPI-Key": "' + low(50) + '"'),
}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "near"), vectors(ROWS))
def test_row(name: str, text: str, near: str) -> None:
    """P4: the vendor's format is found whole, its near miss is not."""
    check_row(name, text, near)


def test_checksums_are_those_of_the_vendors() -> None:
    """Contract (secrets): CRC-32 in base62, on the token GitHub has long revoked and published."""
    assert base62_crc32(b"zQWBuTSOoRi4A9spHcVY5ncnsDkxkJ") == b"0mLq17"
    assert base62_crc32(b"") == b"000000"


def test_a_checksum_confirms_and_never_acquits() -> None:
    """P4: a right checksum is a token though it looks made up; a wrong one acquits only those."""
    made_up = "a" * 30
    assert alone("github-personal").find("ghp_" + sealed(made_up))
    assert not alone("github-personal").find("ghp_" + made_up + "aaaaaa")
    assert alone("github-personal").find("ghp_" + a(36))
    assert ends_in_crc32(b"npm_" + sealed(made_up).encode())


def test_a_token_of_another_macaroon_is_not_pypi() -> None:
    """Contract (secrets): the location inside decides, not the prefix."""
    assert alone("pypi-token").find("pypi-" + "AgENdGVzdC5weXBpLm9yZwI" + w(120))
    assert not alone("pypi-token").find("pypi-" + "AgEIZXhhbXBsZS5j" + b(0) + w(120) + d(2))
