// foreign_word: A cast of C++.
void OnTick() { int a = static_cast<int>(1.5); Print(a); }
