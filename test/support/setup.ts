// Property tests draw the same examples on every run: a check that fails by chance tells nobody what broke it. Where one says
// how long an example may be, there are some so long; else none was longer than ten or so.
import { configureGlobal } from 'fast-check';

configureGlobal({ seed: 20_261_124, defaultSizeToMaxWhenMaxSpecified: true });
