// 194: A function with the name of a variable.
void Size() { Print("x"); }
int Size = 1;
void OnTick() { Print("x"); }
