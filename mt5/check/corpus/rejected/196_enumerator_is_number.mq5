// 196: A number in place of a name.
enum Way { 1, 2 };
void OnTick() { Print("x"); }
