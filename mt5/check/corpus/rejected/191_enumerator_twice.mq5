// 191: A name in two enumerations.
enum Way { MODE_A, MODE_B };
enum Kind { MODE_B, MODE_C };
void OnTick() { Print("x"); }
