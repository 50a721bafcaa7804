/**
 * Carries out the steps of a Dockerfile without a container engine: each stage is a folder, `COPY` copies between them, `RUN`
 * runs there. What a base image brings is this machine's, and what is copied out of one is left out and named.
 */

import { execFileSync } from 'node:child_process';
import { cpSync, existsSync, mkdirSync, statSync } from 'node:fs';
import { basename, join } from 'node:path';
import process from 'node:process';
import { type Copy, DockerfileParser, type From, type JSONInstruction } from 'dockerfile-ast';

/** The image that came out, as far as it can be had without an engine. */
export interface Image {
  /** The folder that stands for its root. */
  readonly root: string;
  readonly workdir: string;
  readonly env: Readonly<Record<string, string>>;
  /** Such as `65532:65532`. */
  readonly user: string;
  /** Entry point and arguments. */
  readonly command: readonly string[];
  readonly healthCheck: readonly string[];
  /** Copies out of base images, which were not carried out. */
  readonly leftOut: readonly string[];
}

interface Stage {
  root: string;
  workdir: string;
  env: Record<string, string>;
  user: string;
  entryPoint: readonly string[];
  command: readonly string[];
  healthCheck: readonly string[];
  leftOut: string[];
}

/** Where the steps run. */
export interface StepOptions {
  /** The folder that holds what `.dockerignore` lets through. */
  readonly context: string;
  /** Gets a folder for each stage. */
  readonly directory: string;
}

/**
 * Runs the steps of all stages; what comes back tells the image of each.
 *
 * @throws {Error} with the step's line, where one of them cannot be carried out.
 */
export function runSteps(dockerfile: string, options: StepOptions): (stage: string) => Image {
  const { context, directory } = options;
  const stages = new Map<string, Stage>();
  let stage: Stage | undefined;
  for (const instruction of DockerfileParser.parse(dockerfile).getInstructions()) {
    const keyword = instruction.getKeyword().toUpperCase();
    if (keyword === 'FROM') {
      const from = instruction as From;
      const name = from.getBuildStage() ?? `stage-${stages.size}`;
      stage = begin(join(directory, name), stages.get(from.getImage() ?? ''));
      stages.set(name, stage);
      continue;
    }
    if (stage === undefined) throw new Error(`${keyword} stands before the first FROM`);
    const text = (instruction.getArgumentsContent() ?? '').trim();
    const strings = () =>
      (instruction as JSONInstruction).getJSONStrings().map((string) => string.getJSONValue());
    switch (keyword) {
      case 'WORKDIR':
        stage.workdir = join('/', text);
        mkdirSync(join(stage.root, stage.workdir), { recursive: true });
        break;
      case 'ENV':
        for (const pair of text.split(/\s+/)) {
          const equals = pair.indexOf('=');
          stage.env[pair.slice(0, equals)] = pair.slice(equals + 1);
        }
        break;
      case 'USER':
        stage.user = text;
        break;
      case 'COPY':
        copy(instruction as Copy, stage, stages, context);
        break;
      case 'RUN':
        execFileSync('sh', ['-e', '-c', text.replace(/\\\n\s*/g, ' ')], {
          cwd: join(stage.root, stage.workdir),
          env: { ...process.env, ...stage.env },
          stdio: ['ignore', 'inherit', 'inherit'],
        });
        break;
      case 'ENTRYPOINT':
        stage.entryPoint = strings();
        break;
      case 'CMD':
        stage.command = strings();
        break;
      case 'HEALTHCHECK':
        stage.healthCheck = JSON.parse(/\[.*\]/s.exec(instruction.getTextContent())?.[0] ?? '[]');
        break;
      case 'EXPOSE':
        break;
      default:
        throw new Error(`${keyword} is not carried out here: ${text}`);
    }
  }
  return function imageOf(name) {
    const found = stages.get(name);
    if (found === undefined) throw new Error(`There is no stage ${name}`);
    const { entryPoint, command, ...image } = found;
    return { ...image, command: [...entryPoint, ...command] };
  };
}

function begin(root: string, parent: Stage | undefined): Stage {
  mkdirSync(root, { recursive: true });
  if (parent === undefined) {
    const empty = { workdir: '/', env: {}, user: '', entryPoint: [], command: [] };
    return { root, ...empty, healthCheck: [], leftOut: [] };
  }
  cpSync(parent.root, root, { recursive: true, verbatimSymlinks: true });
  return { ...parent, root, env: { ...parent.env }, leftOut: [...parent.leftOut] };
}

function copy(
  instruction: Copy,
  stage: Stage,
  stages: ReadonlyMap<string, Stage>,
  context: string,
): void {
  const from = instruction.getFromFlag()?.getValue();
  const args = instruction.getArguments().map((argument) => argument.getValue());
  const sources = args.slice(0, -1);
  const destination = args.at(-1) as string;
  const origin = from ? stages.get(from) : undefined;
  // A stage without steps is a base image by another name.
  if (from && (origin === undefined || !existsSync(join(origin.root, sources[0] as string)))) {
    stage.leftOut.push(...sources.map((source) => `${from}:${source}`));
    return;
  }
  const base = origin?.root ?? context;
  const target = join(stage.root, destination.startsWith('/') ? '/' : stage.workdir, destination);
  for (const source of sources) {
    const found = join(base, source);
    const intoFolder = destination.endsWith('/') && !statSync(found).isDirectory();
    cpSync(found, intoFolder ? join(target, basename(source)) : target, {
      recursive: true,
      verbatimSymlinks: true,
    });
  }
}
