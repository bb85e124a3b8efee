"""A developer's keys, told by the official SDKs of Huawei Cloud and by OpenStack's own clients."""

import json
import os
import pathlib
import subprocess
import sys

import keyward_server
from _huawei import PASSWORD, add, admin_key, generated, identity, refused, repo
from huaweicloudsdkcodeartsrepo import v3, v4
from huaweicloudsdkiam import v3 as iam
from keystoneauth1 import session
from keystoneauth1.identity import generic
from keyward_server import with_settings

LOGIN = with_settings(BOOTSTRAP_PASSWORD=PASSWORD)


def keys_of_every_type_from_first_to_last(server):
    client = repo(server)
    texts = [generated(*words.split()) for words in
             ["ed25519", "ecdsa -b 256", "ecdsa -b 384", "ecdsa -b 521", "rsa -b 2048", "rsa -b 4096"]]
    made = [add(client, f"laptop {number}", text) for number, text in enumerate(texts)]
    assert [key.key for key in made] == texts and all(isinstance(key.id, int) for key in made)
    page = client.list_user_keys(v4.ListUserKeysRequest(limit=4, offset=1))
    assert (page.total, len(page.keys)) == (6, 4), page
    found = client.list_user_keys(v4.ListUserKeysRequest(query="LAPTOP 3"))
    assert [key.id for key in found.keys] == [made[3].id], found
    assert found.keys[0].created_at.endswith("+00:00"), found
    again = v4.AddSshKeyRequest(body=v4.DeployKeyParamsDto(title="again", key=texts[0]))
    assert "already exists" in refused(400, "CH.080002", client.add_ssh_key, again)
    weak = v4.AddSshKeyRequest(body=v4.DeployKeyParamsDto(title="weak", key=generated("rsa", "-b", "1024")))
    refused(400, "40", client.add_ssh_key, weak)
    for key in made:
        client.delete_ssh_key(v4.DeleteSshKeyRequest(key_id=key.id))
    refused(404, "CH.004404", client.delete_ssh_key, v4.DeleteSshKeyRequest(key_id=made[0].id))
    assert client.list_user_keys(v4.ListUserKeysRequest()).total == 0


def the_older_package_sees_the_same_keys(server):
    text = generated("ed25519")
    made = add(repo(server), "laptop", text)
    listed = repo(server, client=v3.CodeArtsRepoClient).list_ssh_keys(v3.ListSshKeysRequest())
    assert [(key.id, key.title, key.key) for key in listed.result.sshkey] == [(str(made.id), "laptop", text)], listed


def access_keys_of_iam(server):
    client = identity(server)
    [domain] = client.keystone_list_auth_domains(iam.KeystoneListAuthDomainsRequest()).domains
    assert domain.name == "default", domain
    [listed] = client.list_permanent_access_keys(iam.ListPermanentAccessKeysRequest()).credentials
    body = iam.CreatePermanentAccessKeyRequestBody(
        credential=iam.CreateCredentialOption(user_id=listed.user_id, description="ci"))
    made = client.create_permanent_access_key(iam.CreatePermanentAccessKeyRequest(body=body)).credential
    server.secrets.add(made.secret)
    key = (made.access, made.secret)
    assert repo(server, key).list_user_keys(v4.ListUserKeysRequest()).total == 0
    off = iam.UpdatePermanentAccessKeyRequest(
        access_key=made.access,
        body=iam.UpdatePermanentAccessKeyRequestBody(credential=iam.UpdateCredentialOption(status="inactive")))
    assert client.update_permanent_access_key(off).credential.status == "inactive"
    assert "is inactive" in refused(401, "APIGW.0301", repo(server, key).list_user_keys, v4.ListUserKeysRequest())
    client.delete_permanent_access_key(iam.DeletePermanentAccessKeyRequest(access_key=made.access))
    assert "not exist" in refused(401, "APIGW.0301", repo(server, key).list_user_keys, v4.ListUserKeysRequest())


def a_wrong_secret_is_explained(server):
    message = refused(
        401, "APIGW.0301", repo(server, (admin_key(server)[0], "wrong")).list_user_keys, v4.ListUserKeysRequest())
    assert "canonicalRequest:GET|/v4/user/keys/|" in message, message


@LOGIN
def keystoneauth_logs_in_and_lists_with_the_token(server):
    admin_key(server)
    names = {"username": "admin", "user_domain_name": "default", "project_domain_name": "default"}
    password = generic.Password(server.url, password=PASSWORD, project_name="cn-north-4", **names)
    keystone = session.Session(auth=password)
    token = keystone.get_token()
    server.secrets.add(token)
    answer = keystone.get(f"{server.url}/v4/user/keys", headers={"X-Auth-Token": token})
    assert answer.json() == {"keys": [], "total": 0}, answer.text
    assert keystone.get_project_id() and keystone.get_user_id()
    wrong = session.Session(auth=generic.Password(server.url, password="wrong", project_name="cn-north-4", **names))
    try:
        wrong.get_token()
    except Exception as refusal:
        assert "username or password is wrong" in str(refusal), refusal
    else:
        raise AssertionError("a wrong password logged in")


@LOGIN
def a_token_becomes_a_key_that_signs(server):
    admin_key(server)
    names = {"username": "admin", "user_domain_name": "default", "project_domain_name": "default"}
    password = generic.Password(server.url, password=PASSWORD, project_name="cn-north-4", **names)
    token = session.Session(auth=password).get_token()
    body = iam.CreateTemporaryAccessKeyByTokenRequestBody(auth=iam.TokenAuth(identity=iam.TokenAuthIdentity(
        methods=["token"], token=iam.IdentityToken(id=token, duration_seconds=900))))
    # The SDK asks for this with a key in its settings, which need not be one that the server knows.
    client = identity(server, ("nobody", "nothing", "any-domain"))
    made = client.create_temporary_access_key_by_token(iam.CreateTemporaryAccessKeyByTokenRequest(body=body)).credential
    server.secrets.update([token, made.secret, made.securitytoken])
    assert made.expires_at.endswith("Z"), made.expires_at
    key = (made.access, made.secret)
    held = repo(server, key, security_token=made.securitytoken)
    assert held.list_user_keys(v4.ListUserKeysRequest()).total == 0
    [permanent] = identity(server).list_permanent_access_keys(iam.ListPermanentAccessKeysRequest()).credentials
    assert permanent.access != made.access, "it shows in no list"
    assert "security token not match" in refused(
        401, "APIGW.0301", repo(server, key).list_user_keys, v4.ListUserKeysRequest())
    kept = repo(server, security_token="of an older key")
    assert kept.list_user_keys(v4.ListUserKeysRequest()).total == 0, "ignored beside a permanent key"
    body = v4.DeployKeyParamsDto(title="laptop", key=generated("ed25519"))
    refused(403, "CH.004403", held.add_ssh_key, v4.AddSshKeyRequest(body=body))
    import requests
    ended = requests.delete(
        f"{server.url}/v3/auth/tokens", headers={"X-Auth-Token": token, "X-Subject-Token": token}, timeout=10)
    assert ended.status_code == 204, ended.text
    refused(401, "APIGW.0301", held.list_user_keys, v4.ListUserKeysRequest())


@LOGIN
def openstack_issues_and_revokes_a_token(server):
    admin_key(server)
    settings = {
        "OS_AUTH_URL": f"{server.url}/v3", "OS_USERNAME": "admin", "OS_PASSWORD": PASSWORD,
        "OS_USER_DOMAIN_NAME": "default", "OS_PROJECT_NAME": "cn-north-4", "OS_PROJECT_DOMAIN_NAME": "default",
        "OS_IDENTITY_API_VERSION": "3",
    }
    openstack = pathlib.Path(sys.executable).parent / "openstack"

    def run(*arguments):
        command = [openstack, *arguments]
        return subprocess.run(
            command, env={**os.environ, **settings}, check=True, capture_output=True, encoding="utf-8").stdout

    token = json.loads(run("token", "issue", "-f", "json"))["id"]
    server.secrets.add(token)
    import requests

    def keys():
        return requests.get(f"{server.url}/v4/user/keys", headers={"X-Auth-Token": token}, timeout=10)

    assert keys().json()["total"] == 0
    run("token", "revoke", token)
    assert keys().status_code == 401
    assert keys().json() == {"error_code": "DEV.00000003", "error_msg": "Authentication information expired."}


keyward_server.run(
    keys_of_every_type_from_first_to_last,
    the_older_package_sees_the_same_keys,
    access_keys_of_iam,
    a_wrong_secret_is_explained,
    keystoneauth_logs_in_and_lists_with_the_token,
    a_token_becomes_a_key_that_signs,
    openstack_issues_and_revokes_a_token,
)
