// no_templates: A specialization of a template.
template<> int Size<int>(int a) { return a; }
void OnTick() { Print("x"); }
