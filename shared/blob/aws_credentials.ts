import { exec } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { ask } from '../outgoing.ts';
import { textOfTag } from './xml_tags.ts';

export interface AwsCredentials {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly sessionToken?: string;
  /** Absent: they do not expire. */
  readonly expiresMs?: number;
}

type Env = Readonly<Record<string, string | undefined>>;

/** Of one request to a service of this machine or cluster. */
const METADATA_MS = 2000;
const STS_MS = 10_000;
const PROCESS_MS = 60_000;
const METADATA_ADDRESS = 'http://169.254.169.254';
const CONTAINER_ADDRESS = 'http://169.254.170.2';
/** Services of credentials that containers may ask without TLS: of ECS, of EKS, or on this machine. */
const CONTAINER_HOSTS = ['169.254.170.2', '169.254.170.23', '[fd00:ec2::23]', 'localhost', '127.0.0.1', '[::1]'];
const METADATA_PATH = '/latest/meta-data/iam/security-credentials/';

/**
 * Credentials of the first source that has any, in the order of the AWS SDKs: environment, files of profiles, web
 * identity (EKS), container (ECS, EKS Pod Identity), instance (EC2).
 * @param region of STS, for web identities
 * @throws Error that says what every source lacks, or why one cannot be used
 */
export async function awsCredentials(env: Env, region: string): Promise<AwsCredentials> {
  const found =
    ofEnvironment(env) ??
    (await ofProfile(env)) ??
    (await ofWebIdentity(env, region)) ??
    (await ofContainer(env)) ??
    (await ofInstance(env));
  if (found !== null) return found;
  throw new Error(
    'no AWS credentials: AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY are not set, no file has a profile, and neither a web identity, a container nor an instance provides a role',
  );
}

function ofEnvironment(env: Env): AwsCredentials | null {
  return keysOf(env['AWS_ACCESS_KEY_ID'], env['AWS_SECRET_ACCESS_KEY'], env['AWS_SESSION_TOKEN']);
}

/** null unless both keys are there. */
function keysOf(
  accessKeyId: string | undefined,
  secretAccessKey: string | undefined,
  sessionToken: string | undefined,
  expiration?: string,
): AwsCredentials | null {
  if (!accessKeyId || !secretAccessKey) return null;
  const expiresMs = expiration === undefined ? NaN : Date.parse(expiration);
  return {
    accessKeyId,
    secretAccessKey,
    ...(sessionToken && { sessionToken }),
    ...(Number.isFinite(expiresMs) && { expiresMs }),
  };
}

/**
 * Of the files `credentials` and `config`: keys, or the program of `credential_process`.
 * @throws Error for a profile that AWS_PROFILE names and no file has, or that needs another source
 */
async function ofProfile(env: Env): Promise<AwsCredentials | null> {
  const folder = join(env['HOME'] ?? env['USERPROFILE'] ?? homedir(), '.aws');
  const name = env['AWS_PROFILE'] ?? 'default';
  const secrets = sectionOf(env['AWS_SHARED_CREDENTIALS_FILE'] ?? join(folder, 'credentials'), name);
  const title = name === 'default' ? name : `profile ${name}`;
  const settings = sectionOf(env['AWS_CONFIG_FILE'] ?? join(folder, 'config'), title);
  for (const section of [secrets, settings]) {
    const { aws_access_key_id: id, aws_secret_access_key: secret, aws_session_token: token } = section ?? {};
    const keys = keysOf(id, secret, token);
    if (keys !== null) return keys;
  }
  const command = secrets?.['credential_process'] ?? settings?.['credential_process'];
  if (command !== undefined) return await ofProcess(command);
  if (env['AWS_PROFILE'] === undefined) return null;
  const lack = secrets === null && settings === null ? 'in no file' : 'without keys and credential_process';
  throw new Error(
    `profile ${name} is ${lack}; for SSO and roles: credential_process = aws configure export-credentials --profile <name>`,
  );
}

/** A section of a file in INI format; null without the file or the section. */
function sectionOf(path: string, title: string): Record<string, string> | null {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch {
    return null;
  }
  let section: Record<string, string> | null = null;
  let isWanted = false;
  for (const line of text.split(/\r?\n/)) {
    const trimmed = line.trim();
    if (trimmed.startsWith('[') && trimmed.endsWith(']')) {
      isWanted = trimmed.slice(1, -1).trim().split(/\s+/).join(' ') === title;
      if (isWanted) section ??= {};
      continue;
    }
    const at = trimmed.indexOf('=');
    // Indented lines belong to a setting of several lines, such as `s3 =`.
    if (!isWanted || at < 1 || /^[#;]/.test(trimmed) || /^\s/.test(line)) continue;
    section![trimmed.slice(0, at).trim()] = trimmed.slice(at + 1).trim();
  }
  return section;
}

/** The answer of a source, in the JSON that all of them share but for the name of the token. */
interface AnswerOfSource {
  readonly AccessKeyId?: string;
  readonly SecretAccessKey?: string;
  readonly Token?: string;
  readonly SessionToken?: string;
  readonly Expiration?: string;
}

function ofAnswer(text: string, source: string): AwsCredentials {
  const answer = JSON.parse(text) as AnswerOfSource;
  const token = answer.Token ?? answer.SessionToken;
  const keys = keysOf(answer.AccessKeyId, answer.SecretAccessKey, token, answer.Expiration);
  if (keys === null) throw new Error(`${source} answered without keys`);
  return keys;
}

async function ofProcess(command: string): Promise<AwsCredentials> {
  try {
    const { stdout } = await promisify(exec)(command, { timeout: PROCESS_MS, windowsHide: true });
    return ofAnswer(stdout, 'credential_process');
  } catch (error) {
    const { code, name } = error as Error & { code?: number | string };
    // Without the cause, whose output may contain a key.
    throw new Error(`credential_process failed (${code ?? name})`);
  }
}

/** A role for the token in a file, such as that of a service account of Kubernetes. */
async function ofWebIdentity(env: Env, region: string): Promise<AwsCredentials | null> {
  const { AWS_WEB_IDENTITY_TOKEN_FILE: file, AWS_ROLE_ARN: role } = env;
  if (!file || !role) return null;
  const domain = region.startsWith('cn-') ? 'amazonaws.com.cn' : 'amazonaws.com';
  const url = new URL(env['AWS_ENDPOINT_URL_STS'] ?? `https://sts.${region}.${domain}`);
  const body = new URLSearchParams({
    Action: 'AssumeRoleWithWebIdentity',
    Version: '2011-06-15',
    RoleArn: role,
    RoleSessionName: env['AWS_ROLE_SESSION_NAME'] ?? 'minutehand',
    WebIdentityToken: readFileSync(file, 'utf8').trim(),
  });
  const text = await askText(url, STS_MS, { method: 'POST', body });
  const keys = keysOf(
    textOfTag(text, 'AccessKeyId') ?? undefined,
    textOfTag(text, 'SecretAccessKey') ?? undefined,
    textOfTag(text, 'SessionToken') ?? undefined,
    textOfTag(text, 'Expiration') ?? undefined,
  );
  if (keys === null) throw new Error('STS answered without keys');
  return keys;
}

async function ofContainer(env: Env): Promise<AwsCredentials | null> {
  const relative = env['AWS_CONTAINER_CREDENTIALS_RELATIVE_URI'];
  const address = relative ? `${CONTAINER_ADDRESS}${relative}` : env['AWS_CONTAINER_CREDENTIALS_FULL_URI'];
  if (!address) return null;
  const url = new URL(address);
  if (url.protocol !== 'https:' && !CONTAINER_HOSTS.includes(url.hostname))
    throw new Error(`AWS_CONTAINER_CREDENTIALS_FULL_URI names ${url.hostname}, expected https or this machine`);
  const file = env['AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE'];
  const token = file ? readFileSync(file, 'utf8').trim() : env['AWS_CONTAINER_AUTHORIZATION_TOKEN'];
  return ofAnswer(await askText(url, METADATA_MS, { headers: token ? { Authorization: token } : {} }), 'the container');
}

/** Of the role of an EC2 instance, by version 2 of its metadata service; null where there is no such service. */
async function ofInstance(env: Env): Promise<AwsCredentials | null> {
  if (env['AWS_EC2_METADATA_DISABLED']?.toLowerCase() === 'true') return null;
  const base = env['AWS_EC2_METADATA_SERVICE_ENDPOINT'] ?? METADATA_ADDRESS;
  let token: string;
  try {
    const headers = { 'X-aws-ec2-metadata-token-ttl-seconds': '21600' };
    token = await askText(new URL('/latest/api/token', base), METADATA_MS, { method: 'PUT', headers });
  } catch {
    return null;
  }
  const headers = { 'X-aws-ec2-metadata-token': token };
  const role = await askText(new URL(METADATA_PATH, base), METADATA_MS, { headers });
  return ofAnswer(await askText(new URL(METADATA_PATH + role.trim(), base), METADATA_MS, { headers }), 'the instance');
}

/** @throws Error without an answer of success */
async function askText(url: URL, withinMs: number, init: Omit<RequestInit, 'signal'>): Promise<string> {
  const response = await ask(url, { ...init, redirect: 'error', withinMs });
  const text = response.body.toString('utf8');
  if (response.ok) return text;
  const reason = textOfTag(text, 'Message') ?? '';
  throw new Error(`${url.host} answered ${response.status} ${reason}`.trim());
}
