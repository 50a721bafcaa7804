// Property tests draw the same examples on every run: a check that fails by chance tells nobody what broke it.
import { configureGlobal } from 'fast-check';

configureGlobal({ seed: 20_261_124 });
