// 141: An enumeration without a brace.
enum Way A, B;
void OnTick() { Print("x"); }
