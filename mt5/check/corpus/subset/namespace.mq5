// outside_subset: A namespace.
namespace Box { int g_size = 1; }
void OnTick() { Print("x"); }
