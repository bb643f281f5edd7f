// no_templates: A template.
template<typename T> T Twice(T a) { return a * 2; }
void OnTick() { Print("x"); }
