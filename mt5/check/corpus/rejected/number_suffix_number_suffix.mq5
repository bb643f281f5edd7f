// number_suffix: A number with a suffix of C++.
void OnTick() { long a = 5LL; Print(a); }
