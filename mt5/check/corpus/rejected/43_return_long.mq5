// 43: The return type is narrower than the returned value.
int Login() { return AccountInfoInteger(ACCOUNT_LOGIN); }
void OnTick() { Print(Login()); }
