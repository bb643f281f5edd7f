// 128: The body of a method of a class that does not exist.
void Box::Show() { Print("y"); }
void OnTick() { Print("x"); }
