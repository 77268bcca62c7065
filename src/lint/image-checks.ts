/** Checks of the documents around the layers. */
import { configLabels, configPlatform } from '../oci/config.ts';
import { formatPlatform, samePlatform } from '../oci/platform.ts';
import type { Finding, LintContext } from './rule.ts';
import { finding } from './rules.ts';

/** Docker chains at most so many (`maxLayerDepth`), since some of its drivers stack 127 and a container takes two. */
const DOCKER_LAYERS = 125;

/** Lower directories that one overlayfs takes (OVL_MAX_STACK in the kernel), and containers/storage with it. */
const OVERLAY_LAYERS = 500;

/** Findings about manifest, config and index. */
export function checkImage({ image, layers, bootable }: LintContext): Finding[] {
  return [
    ...checkLayerCount(layers.length),
    ...(image === undefined ? [] : checkPlatform(image)),
    ...(image === undefined || !bootable ? [] : checkLabels(configLabels(image.config))),
  ];
}

function checkLayerCount(count: number): Finding[] {
  if (count > OVERLAY_LAYERS) {
    return [finding('layer-count-overlay', `${count} layers; overlayfs stacks ${OVERLAY_LAYERS}`, { count })];
  }
  if (count <= DOCKER_LAYERS) return [];
  return [finding('layer-count', `${count} layers; Docker stacks ${DOCKER_LAYERS}`, { count })];
}

function checkPlatform({ config, platform }: NonNullable<LintContext['image']>): Finding[] {
  const stated = configPlatform(config);
  if (platform === undefined || samePlatform(platform, stated)) return [];
  const [expected, actual] = [formatPlatform(platform), formatPlatform(stated)];
  return [
    finding('platform-mismatch', `the index says ${expected}, the config ${actual}`, { expected, actual }),
  ];
}

function checkLabels(labels: Readonly<Record<string, string>>): Finding[] {
  const found: Finding[] = [];
  if (!Object.hasOwn(labels, 'containers.bootc')) {
    found.push(finding('label-bootc', 'the config has no label containers.bootc'));
  }
  if (!Object.hasOwn(labels, 'ostree.bootable')) {
    found.push(finding('label-ostree', 'the config has no label ostree.bootable'));
  }
  return found;
}
