/** Writes the rules that the shop's Workers are built with. To run after a change of workers/shop.yaml or inventory.yaml. */

import { buildRules } from './shop.ts';

buildRules();
