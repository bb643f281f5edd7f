// no_macro_functions: A macro with parameters.
#define TWICE(a) ((a) * 2)
void OnTick() { Print(1); }
