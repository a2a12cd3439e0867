"""Where rows come from: collectors ask, receivers are told; knows nothing about stores."""
